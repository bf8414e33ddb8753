'use client'

import { checkBundle } from '@holdfast/api/client/check-bundle'
import { uploadChunkBytes } from '@holdfast/api/contract/update-inputs'
import type { UpdateCheckView } from '@holdfast/api/update-services'
import { Alert, Button, Checkbox, FileUpload, Progress, Stack, StackItem } from '@patternfly/react-core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { ConfirmDialog } from '../../components/confirm-dialog.tsx'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { api, queryClient, trpc } from '../../lib/api.ts'

/** Base64 in pieces that fit an argument list; a multiple of 3, so that pieces join without padding. */
const encodeStepBytes = 24_576

async function base64(blob: Blob): Promise<string> {
  const bytes = new Uint8Array(await blob.arrayBuffer())
  let text = ''
  for (let at = 0; at < bytes.length; at += encodeStepBytes)
    text += btoa(String.fromCharCode(...bytes.subarray(at, at + encodeStepBytes)))
  return text
}

const variants = { ok: 'success', warn: 'warning', confirm: 'warning', stop: 'danger' } as const

/**
 * Upload, check, read the notes, install.
 * @param props.nodes nodes of the cluster; with more than one all are updated, one after the other
 */
export function UpdateInstaller({ isRequested, nodes }: { isRequested: boolean; nodes: number }) {
  const [file, setFile] = useState<File | null>(null)
  const [sent, setSent] = useState(0)
  const [isAsking, setAsking] = useState(false)
  const [isPauseAllowed, setPauseAllowed] = useState(false)
  const upload = useMutation({
    mutationFn: async (bundle: File): Promise<UpdateCheckView> => {
      for (let offset = 0; offset < bundle.size; offset += uploadChunkBytes) {
        const data = await base64(bundle.slice(offset, offset + uploadChunkBytes))
        const { bytes } = await api.updates.upload.mutate({ offset, data })
        setSent(bytes)
      }
      return await checkBundle(api.updates)
    },
    onSettled: () => queryClient.invalidateQueries(trpc.updates.status.pathFilter()),
  })
  const install = useMutation({
    mutationFn: (bundle: UpdateCheckView) =>
      api.updates.install.mutate({ id: bundle.id, allowPause: isPauseAllowed }),
    onSuccess: () => {
      setAsking(false)
      upload.reset()
      setFile(null)
      return queryClient.invalidateQueries(trpc.updates.status.pathFilter())
    },
  })
  const checked = upload.data
  const isStopped = checked?.findings.some((finding) => finding.level === 'stop') ?? true
  const needsPause = checked?.findings.some((finding) => finding.level === 'confirm') ?? false
  if (isRequested)
    return (
      <Alert variant="info" isInline title="The update is being installed. The node starts anew by itself." />
    )
  return (
    <Stack hasGutter>
      <StackItem>
        <FileUpload
          id="update-bundle"
          filename={file?.name ?? ''}
          filenamePlaceholder="holdfast-VERSION.raucb"
          browseButtonText="Choose the bundle…"
          hideDefaultPreview
          isDisabled={upload.isPending}
          isClearButtonDisabled={file === null || upload.isPending}
          onFileInputChange={(_event, chosen) => {
            upload.reset()
            setSent(0)
            setFile(chosen)
          }}
          onClearClick={() => {
            upload.reset()
            setFile(null)
          }}
        />
      </StackItem>
      {upload.isPending && file && (
        <StackItem>
          <Progress
            value={Math.round((sent / file.size) * 100)}
            title={sent < file.size ? 'Uploading' : 'Checking every block against the signature'}
          />
        </StackItem>
      )}
      <FailureAlert error={upload.error} />
      {checked && (
        <StackItem>
          <h3>Holdfast {checked.version}, signed by the vendor</h3>
          {checked.findings.map(({ check, level, found, mend }) => (
            <Alert
              key={`${check} ${found}`}
              variant={variants[level]}
              isInline
              isPlain
              title={`${check}: ${found}`}
            >
              {mend}
            </Alert>
          ))}
          <pre className="hf-code-wrap">{checked.notes}</pre>
        </StackItem>
      )}
      <StackItem>
        {checked ? (
          <Button
            isDisabled={isStopped}
            onClick={() => {
              setPauseAllowed(false)
              setAsking(true)
            }}
          >
            Install {checked.version}
            {nodes > 1 && ` on ${nodes} nodes`}
          </Button>
        ) : (
          <Button
            isDisabled={file === null}
            isLoading={upload.isPending}
            onClick={() => file && upload.mutate(file)}
          >
            Upload and check
          </Button>
        )}
      </StackItem>
      {checked && (
        <ConfirmDialog
          isOpen={isAsking}
          title={`Install Holdfast ${checked.version}?`}
          confirm="Install"
          isReady={!needsPause || isPauseAllowed}
          isPending={install.isPending}
          error={install.error}
          onConfirm={() => install.mutate(checked)}
          onClose={() => setAsking(false)}
        >
          {needsPause
            ? `Both nodes are updated, one after the other. Each is needed to write: what people send while one restarts waits until it is back. A node on which the new version does not prove healthy goes back by itself, and the other does not follow.`
            : nodes > 1
              ? `All ${nodes} nodes are updated, one after the other, while clients go on at the others. A node on which the new version does not prove healthy goes back by itself, and no other follows.`
              : 'The node starts anew, and clients wait meanwhile. If the new version does not prove healthy, this one comes back by itself with everything that was acknowledged.'}
          {needsPause && (
            <Checkbox
              id="update-allow-pause"
              label="Nobody can write while a node restarts, and the people know"
              isChecked={isPauseAllowed}
              onChange={(_event, isChecked) => setPauseAllowed(isChecked)}
            />
          )}
        </ConfirmDialog>
      )}
    </Stack>
  )
}
