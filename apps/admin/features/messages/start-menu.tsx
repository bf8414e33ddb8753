'use client'
import { limits } from '@holdfast/api/contract/limits'
import type { ChannelView } from '@holdfast/api/services'
import {
  Button,
  Content,
  Dropdown,
  DropdownItem,
  DropdownList,
  Form,
  FormGroup,
  MenuToggle,
  ModalBody,
  ModalFooter,
  ModalHeader,
} from '@patternfly/react-core'
import { PlusIcon } from '@patternfly/react-icons/dist/esm/icons/plus-icon'
import { keepPreviousData, useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { Dialog } from '../../components/dialog.tsx'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { queryClient, trpc } from '../../lib/api.ts'
import { count } from '../../lib/format.ts'
import { PersonPicker, type Picked } from '../people/person-picker.tsx'
import { useSession } from '../session/use-session.ts'

interface StartProps {
  onOpen: (channel: string) => void
}

/** Ways to begin: write to somebody, or join what is open. */
export function StartMenu({ onOpen }: StartProps) {
  const [isOpen, setIsOpen] = useState(false)
  const [dialog, setDialog] = useState<'direct' | 'join' | null>(null)
  const done = (channel: string) => {
    setDialog(null)
    onOpen(channel)
  }
  return (
    <>
      <Dropdown
        isOpen={isOpen}
        onOpenChange={setIsOpen}
        onSelect={() => setIsOpen(false)}
        popperProps={{ position: 'right' }}
        toggle={(ref) => (
          <MenuToggle
            ref={ref}
            variant="plain"
            isExpanded={isOpen}
            aria-label="New conversation"
            icon={<PlusIcon />}
            onClick={() => setIsOpen(!isOpen)}
          />
        )}
      >
        <DropdownList>
          <DropdownItem onClick={() => setDialog('direct')}>Write to a person…</DropdownItem>
          <DropdownItem onClick={() => setDialog('join')}>Join an open channel…</DropdownItem>
        </DropdownList>
      </Dropdown>
      {dialog === 'direct' && <DirectDialog onOpen={done} onClose={() => setDialog(null)} />}
      {dialog === 'join' && <JoinDialog onOpen={done} onClose={() => setDialog(null)} />}
    </>
  )
}

function DirectDialog({ onOpen, onClose }: StartProps & { onClose: () => void }) {
  const { personId } = useSession()
  const [picked, setPicked] = useState<Picked[]>([])
  const direct = useMutation(
    trpc.channels.direct.mutationOptions({ onSuccess: (channel) => onOpen(channel.id) }),
  )
  const person = picked[0]
  const close = direct.isPending ? () => undefined : onClose
  return (
    <Dialog variant="small" isOpen onClose={close} aria-labelledby="direct-title">
      <ModalHeader title="Write to a person" labelId="direct-title" />
      <ModalBody>
        <Form
          id="direct-form"
          onSubmit={(event) => {
            event.preventDefault()
            if (person !== undefined) direct.mutate({ person: person.id })
          }}
        >
          <FormGroup label="Person">
            <PersonPicker
              label="Person"
              isSingle
              picked={picked}
              onChange={setPicked}
              without={new Set([personId])}
            />
          </FormGroup>
          <FailureAlert error={direct.error} />
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button
          type="submit"
          form="direct-form"
          isDisabled={person === undefined || direct.isPending}
          isLoading={direct.isPending}
        >
          Open
        </Button>
        <Button variant="link" onClick={close}>
          Cancel
        </Button>
      </ModalFooter>
    </Dialog>
  )
}

const openColumns: Column<ChannelView>[] = [
  { key: 'title', title: 'Channel', cell: (row) => <span dir="auto">{row.title}</span>, width: 40 },
  { key: 'topic', title: 'Topic', cell: (row) => <span dir="auto">{row.topic}</span>, modifier: 'truncate' },
  { key: 'members', title: 'Members', cell: (row) => count(row.memberCount, 'member'), modifier: 'nowrap' },
]

function JoinDialog({ onOpen, onClose }: StartProps & { onClose: () => void }) {
  const list = useQuery(
    trpc.channels.list.queryOptions({ limit: limits.listRows }, { placeholderData: keepPreviousData }),
  )
  const join = useMutation(
    trpc.channels.join.mutationOptions({
      onSuccess: async (channel) => {
        onOpen(channel.id)
        await queryClient.invalidateQueries(trpc.channels.pathFilter())
      },
    }),
  )
  const rows = list.data?.rows.filter((row) => row.kind === 'open' && !row.joined && !row.archived)
  return (
    <Dialog variant="medium" isOpen onClose={onClose} aria-labelledby="join-title">
      <ModalHeader title="Join an open channel" labelId="join-title" />
      <ModalBody>
        <Content component="p">Everybody may join these. You can read what was said before you came.</Content>
        <FailureAlert error={join.error} />
        <DataTable
          label="Open channels"
          columns={[
            ...openColumns,
            {
              key: 'join',
              title: 'Join',
              isTitleHidden: true,
              modifier: 'fitContent',
              cell: (row) => (
                <Button
                  size="sm"
                  variant="secondary"
                  aria-label={`Join ${row.title}`}
                  isDisabled={join.isPending}
                  isLoading={join.isPending && join.variables.id === row.id}
                  onClick={() => join.mutate({ id: row.id })}
                >
                  Join
                </Button>
              ),
            },
          ]}
          rows={rows}
          rowKey={(row) => row.id}
          error={list.error}
          onRetry={() => void list.refetch()}
          empty={{
            title: 'No open channel to join',
            body: 'You are in all of them. Owners, security officers and operators make new ones under Channels.',
          }}
        />
      </ModalBody>
      <ModalFooter>
        <Button variant="link" onClick={onClose}>
          Close
        </Button>
      </ModalFooter>
    </Dialog>
  )
}
