'use client'

import { limits } from '@holdfast/api/contract/limits'
import type { GroupView } from '@holdfast/api/services'
import { Button, Content, Flex, SearchInput, Skeleton, StackItem, Title } from '@patternfly/react-core'
import { TimesIcon } from '@patternfly/react-icons/dist/esm/icons/times-icon'
import { useMutation, useQuery } from '@tanstack/react-query'
import Link from 'next/link'
import { useState } from 'react'
import { ConfirmDialog } from '../../components/confirm-dialog.tsx'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { TablePagination, usePaging } from '../../components/table-pagination.tsx'
import { useToasts } from '../../components/toasts.tsx'
import { trpc } from '../../lib/api.ts'
import { count } from '../../lib/format.ts'
import { paths } from '../../lib/paths.ts'
import { TargetHistory } from '../audit/target-history.tsx'
import { refreshPeople } from '../people/refresh.ts'
import { useAllowed } from '../session/use-session.ts'
import { GroupAddMembers, GroupEdit } from './group-dialogs.tsx'

const searchFrom = 10
const shownAtOnce = 20

/** One group: the list has everything of it, so the detail takes it from there. */
export function useGroup(id: string | null) {
  const list = useQuery(trpc.groups.list.queryOptions({ limit: limits.listRows }, { enabled: id !== null }))
  return {
    data: id === null ? undefined : list.data?.rows.find((group) => group.id === id),
    error: list.error,
    isMissing: list.data !== undefined,
    retry: () => void list.refetch(),
  }
}

interface GroupDetailProps {
  group: ReturnType<typeof useGroup>
  onRemoved: () => void
}

export function GroupDetail({ group, onRemoved }: GroupDetailProps) {
  if (group.error !== null) return <FailureAlert error={group.error} onRetry={group.retry} />
  if (group.data === undefined)
    return group.isMissing ? (
      <Content component="p">There is no such group any more.</Content>
    ) : (
      <Skeleton screenreaderText="Loading the group" />
    )
  return <Group group={group.data} onRemoved={onRemoved} />
}

type Member = GroupView['members'][number]

function Group({ group, onRemoved }: { group: GroupView; onRemoved: () => void }) {
  const may = useAllowed()
  const toasts = useToasts()
  const [dialog, setDialog] = useState<'add' | 'edit' | 'remove' | null>(null)
  const [leaving, setLeaving] = useState<Member | null>(null)
  const [text, setText] = useState('')
  const paging = usePaging(shownAtOnce)
  const remove = useMutation(
    trpc.groups.remove.mutationOptions({
      onSuccess: async () => {
        toasts.success(`${group.name} is removed`)
        onRemoved()
        await refreshPeople()
      },
    }),
  )
  const removeMember = useMutation(
    trpc.groups.removeMembers.mutationOptions({
      onSuccess: async () => {
        setLeaving(null)
        await refreshPeople()
      },
    }),
  )
  const wanted = text.trim().toLowerCase()
  const found = group.members.filter(
    ({ name, displayName }) => name.includes(wanted) || displayName.toLowerCase().includes(wanted),
  )
  const offset = paging.offset >= found.length ? 0 : paging.offset
  const columns: Column<Member>[] = [
    {
      key: 'name',
      title: 'Person',
      cell: (member) => <Link href={paths.people(member.id)}>{member.displayName}</Link>,
      modifier: 'truncate',
    },
    { key: 'login', title: 'Signs in as', cell: (member) => member.name, modifier: 'truncate' },
    {
      key: 'remove',
      title: 'Remove',
      isTitleHidden: true,
      modifier: 'fitContent',
      cell: (member) =>
        may('groups.removeMembers') && (
          <Button
            variant="plain"
            size="sm"
            icon={<TimesIcon />}
            aria-label={`Remove ${member.displayName}`}
            onClick={() => setLeaving(member)}
          />
        ),
    },
  ]
  return (
    <>
      {group.description !== '' && (
        <Content component="p" dir="auto">
          {group.description}
        </Content>
      )}
      <Flex gap={{ default: 'gapSm' }}>
        {may('groups.addMembers') && (
          <Button size="sm" variant="secondary" onClick={() => setDialog('add')}>
            Add people…
          </Button>
        )}
        {may('groups.update') && (
          <Button size="sm" variant="secondary" onClick={() => setDialog('edit')}>
            Edit…
          </Button>
        )}
        {may('groups.remove') && (
          <Button size="sm" variant="secondary" isDanger onClick={() => setDialog('remove')}>
            Remove…
          </Button>
        )}
      </Flex>
      <Title headingLevel="h3" size="md">
        {count(group.members.length, 'person', 'people')}
      </Title>
      {group.members.length >= searchFrom && (
        <SearchInput
          aria-label="Search the people of this group"
          placeholder="Name"
          value={text}
          onChange={(_event, value) => setText(value)}
          onClear={() => setText('')}
        />
      )}
      <DataTable
        label="People of this group"
        columns={columns}
        rows={found.slice(offset, offset + paging.limit)}
        rowKey={(member) => member.id}
        onClearFilters={wanted === '' ? undefined : () => setText('')}
        empty={{ title: 'Nobody is in this group', body: 'Add people to it.' }}
      />
      {found.length > paging.limit && (
        <TablePagination label="People of this group" paging={{ ...paging, offset, total: found.length }} />
      )}
      {may('audit.search') && (
        <StackItem>
          <Title headingLevel="h3" size="md">
            History
          </Title>
          <TargetHistory target={group.id} />
        </StackItem>
      )}
      {dialog === 'add' && <GroupAddMembers group={group} onClose={() => setDialog(null)} />}
      {dialog === 'edit' && <GroupEdit group={group} onClose={() => setDialog(null)} />}
      <ConfirmDialog
        isOpen={dialog === 'remove'}
        isDanger
        title={`Remove the group ${group.name}?`}
        confirm="Remove"
        isPending={remove.isPending}
        error={remove.error}
        onConfirm={() => remove.mutate({ id: group.id })}
        onClose={() => setDialog(null)}
      >
        <Content component="p">
          Whoever is in a channel only through this group does not see that channel any more. The people
          themselves stay.
        </Content>
      </ConfirmDialog>
      <ConfirmDialog
        isOpen={leaving !== null}
        isDanger
        title={`Remove ${leaving?.displayName} from ${group.name}?`}
        confirm="Remove"
        isPending={removeMember.isPending}
        error={removeMember.error}
        onConfirm={() => leaving && removeMember.mutate({ id: group.id, members: [leaving.id] })}
        onClose={() => {
          removeMember.reset()
          setLeaving(null)
        }}
      >
        <Content component="p">
          Channels that the person is in only through this group are not seen any more.
        </Content>
      </ConfirmDialog>
    </>
  )
}
