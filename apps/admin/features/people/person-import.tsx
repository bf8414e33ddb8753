'use client'

import { limits } from '@holdfast/api/contract/limits'
import { roles } from '@holdfast/api/contract/policy'
import {
  Alert,
  Button,
  Content,
  FileUpload,
  Form,
  FormGroup,
  ModalBody,
  ModalFooter,
  ModalHeader,
} from '@patternfly/react-core'
import { DownloadIcon } from '@patternfly/react-icons/dist/esm/icons/download-icon'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { DataTable } from '../../components/data-table.tsx'
import { Dialog } from '../../components/dialog.tsx'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { trpc } from '../../lib/api.ts'
import { downloadText } from '../../lib/download.ts'
import { count, formatBytes } from '../../lib/format.ts'
import { csvTemplate, passwordSheet } from './import-csv.ts'
import { refreshPeople } from './refresh.ts'

const csvType = 'text/csv;charset=utf-8'
/** Left for the frame around the file in the request. */
const csvBytesMax = limits.httpBodyBytes - 64 * 1024

/** Many people at once from a spreadsheet; each line is taken or refused by itself. */
export function PersonImport({ onClose }: { onClose: () => void }) {
  const [csv, setCsv] = useState('')
  const [fileName, setFileName] = useState('')
  const work = useMutation(trpc.people.importCsv.mutationOptions({ onSettled: refreshPeople }))
  const isTooLarge = new Blob([csv]).size > csvBytesMax
  const mayImport = csv.trim() !== '' && !isTooLarge && !work.isPending
  const close = work.isPending ? () => undefined : onClose
  return (
    <Dialog variant="medium" isOpen onClose={close} aria-labelledby="import-title">
      <ModalHeader title="Import people" labelId="import-title" />
      <ModalBody>
        {work.data ? (
          <ImportResult {...work.data} />
        ) : (
          <Form
            id="import-form"
            onSubmit={(event) => {
              event.preventDefault()
              if (mayImport) work.mutate({ csv })
            }}
          >
            <Content component="p">
              A CSV file whose first line names the columns: <code>name</code> and, if you like,{' '}
              <code>displayName</code>, <code>role</code> ({roles.join(', ')}) and <code>password</code>.
              Without a password one is made. Everybody chooses a new one at the first sign-in.
            </Content>
            <div>
              <Button
                variant="link"
                isInline
                icon={<DownloadIcon />}
                onClick={() => downloadText('holdfast-people.csv', csvTemplate, csvType)}
              >
                Download a template
              </Button>
            </div>
            <FormGroup label="File" fieldId="people-csv">
              <FileUpload
                id="people-csv"
                type="text"
                value={csv}
                filename={fileName}
                filenamePlaceholder="Choose a file, drop it here, or paste below"
                browseButtonText="Choose…"
                browseButtonAriaDescribedby="import-title"
                aria-label="CSV"
                allowEditingUploadedText
                onFileInputChange={(_event, file) => setFileName(file.name)}
                onDataChange={(_event, text) => setCsv(text)}
                onTextChange={(_event, text) => setCsv(text)}
                onClearClick={() => {
                  setCsv('')
                  setFileName('')
                }}
                dropzoneProps={{ accept: { 'text/csv': ['.csv', '.txt'] } }}
              />
            </FormGroup>
            {isTooLarge && (
              <Alert
                variant="danger"
                isInline
                isPlain
                title={`The file is larger than ${formatBytes(csvBytesMax)}; split it.`}
              />
            )}
            <FailureAlert error={work.error} />
          </Form>
        )}
      </ModalBody>
      <ModalFooter>
        {work.data ? (
          <Button onClick={onClose}>Done</Button>
        ) : (
          <>
            <Button type="submit" form="import-form" isDisabled={!mayImport} isLoading={work.isPending}>
              Import
            </Button>
            <Button variant="link" onClick={close} isDisabled={work.isPending}>
              Cancel
            </Button>
          </>
        )}
      </ModalFooter>
    </Dialog>
  )
}

interface ImportResultProps {
  added: { name: string; password: string | null }[]
  refused: { line: number; why: string }[]
}

function ImportResult({ added, refused }: ImportResultProps) {
  const made = added.filter((person) => person.password !== null)
  return (
    <>
      <Alert
        variant={refused.length === 0 ? 'success' : 'warning'}
        isInline
        title={`${count(added.length, 'person', 'people')} added, ${count(refused.length, 'line')} refused`}
      >
        {made.length > 0 && (
          <>
            <p>The passwords that were made are shown only now.</p>
            <Button
              variant="link"
              isInline
              icon={<DownloadIcon />}
              onClick={() => downloadText('holdfast-passwords.csv', passwordSheet(added), csvType)}
            >
              Download the passwords
            </Button>
          </>
        )}
      </Alert>
      {refused.length > 0 && (
        <DataTable
          label="Lines refused"
          columns={[
            { key: 'line', title: 'Line', cell: (row) => row.line, modifier: 'fitContent' },
            { key: 'why', title: 'Why', cell: (row) => row.why, modifier: 'breakWord' },
          ]}
          rows={refused}
          rowKey={(row) => `${row.line} ${row.why}`}
          empty={{ title: 'No line was refused', body: '' }}
        />
      )}
      {added.length > 0 && (
        <DataTable
          label="People added"
          columns={[
            { key: 'name', title: 'Login name', cell: (row) => row.name },
            { key: 'password', title: 'Password', cell: (row) => row.password ?? 'as in the file' },
          ]}
          rows={added}
          rowKey={(row) => row.name}
          empty={{ title: 'Nobody was added', body: '' }}
        />
      )}
    </>
  )
}
