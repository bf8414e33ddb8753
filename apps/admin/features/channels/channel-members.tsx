'use client'

import type { ChannelDetail } from '@holdfast/api/services'
import {
  Button,
  Content,
  FormSelect,
  FormSelectOption,
  Label,
  LabelGroup,
  SearchInput,
  Stack,
  StackItem,
  Title,
} from '@patternfly/react-core'
import { TimesIcon } from '@patternfly/react-icons/dist/esm/icons/times-icon'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { ConfirmDialog } from '../../components/confirm-dialog.tsx'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { TablePagination, usePaging } from '../../components/table-pagination.tsx'
import { useToasts } from '../../components/toasts.tsx'
import { trpc } from '../../lib/api.ts'
import { failureOf } from '../../lib/errors.ts'
import { count } from '../../lib/format.ts'
import { ChannelAddMembers } from './channel-add-members.tsx'
import css from './channels.module.css'
import { refreshChannels } from './refresh.ts'

type Member = ChannelDetail['members'][number]
const roles = ['member', 'poster', 'manager'] as const
const roleWords: Record<Member['role'], string> = { member: 'Member', poster: 'Poster', manager: 'Manager' }

const searchFrom = 10
const shownAtOnce = 20

/** Who is in a channel and as what, with what may be changed there. */
export function ChannelMembers({ channel }: { channel: ChannelDetail }) {
  const toasts = useToasts()
  const [isAdding, setIsAdding] = useState(false)
  const [removing, setRemoving] = useState<Member | null>(null)
  const [removingGroup, setRemovingGroup] = useState<{ id: string; name: string } | null>(null)
  const [text, setText] = useState('')
  const paging = usePaging(shownAtOnce)
  const mayChange = !channel.archived
  const remove = useMutation(
    trpc.channels.removeMembers.mutationOptions({
      onSuccess: async () => {
        setRemoving(null)
        setRemovingGroup(null)
        await refreshChannels()
      },
    }),
  )
  const setRole = useMutation(
    trpc.channels.setMemberRole.mutationOptions({
      onSuccess: refreshChannels,
      onError: (error) => toasts.failure(failureOf(error)),
    }),
  )
  const closeRemoval = () => {
    remove.reset()
    setRemoving(null)
    setRemovingGroup(null)
  }
  const wanted = text.trim().toLowerCase()
  const found = channel.members.filter(
    ({ name, displayName }) => name.includes(wanted) || displayName.toLowerCase().includes(wanted),
  )
  const offset = paging.offset >= found.length ? 0 : paging.offset

  const columns: Column<Member>[] = [
    {
      key: 'name',
      title: 'Person',
      cell: (member) => (
        <>
          <span dir="auto" title={member.name}>
            {member.displayName}
          </span>
          {member.via !== null && (
            <Content component="small">
              through <span dir="auto">{member.via}</span>
            </Content>
          )}
        </>
      ),
      modifier: 'breakWord',
    },
    {
      key: 'role',
      title: 'Role',
      cell: (member) => (
        <FormSelect
          className={css.role}
          aria-label={`Role of ${member.displayName}`}
          value={member.role}
          isDisabled={!mayChange || setRole.isPending}
          onChange={(_event, role) =>
            setRole.mutate({ id: channel.id, person: member.id, role: role as Member['role'] })
          }
        >
          {roles.map((role) => (
            <FormSelectOption key={role} value={role} label={roleWords[role]} />
          ))}
        </FormSelect>
      ),
    },
    {
      key: 'remove',
      title: 'Remove',
      isTitleHidden: true,
      modifier: 'fitContent',
      cell: (member) =>
        member.via === null &&
        mayChange && (
          <Button
            variant="plain"
            size="sm"
            icon={<TimesIcon />}
            aria-label={`Remove ${member.displayName}`}
            onClick={() => setRemoving(member)}
          />
        ),
    },
  ]

  return (
    <Stack hasGutter>
      <StackItem>
        <Title headingLevel="h3" size="md">
          {count(channel.members.length, 'member')}
        </Title>
      </StackItem>
      {channel.groups.length > 0 && (
        <StackItem>
          <LabelGroup categoryName="Groups" numLabels={12}>
            {channel.groups.map((group) => (
              <Label
                key={group.id}
                color="blue"
                textMaxWidth="12rem"
                {...(mayChange
                  ? {
                      onClose: () => setRemovingGroup(group),
                      closeBtnAriaLabel: `Remove the group ${group.name}`,
                    }
                  : {})}
              >
                {group.name}
              </Label>
            ))}
          </LabelGroup>
        </StackItem>
      )}
      {mayChange && (
        <StackItem>
          <Button variant="secondary" size="sm" onClick={() => setIsAdding(true)}>
            Add people or groups…
          </Button>
        </StackItem>
      )}
      {channel.members.length >= searchFrom && (
        <SearchInput
          aria-label="Search members"
          placeholder="Name"
          value={text}
          onChange={(_event, value) => setText(value)}
          onClear={() => setText('')}
        />
      )}
      <DataTable
        label="Members"
        columns={columns}
        rows={found.slice(offset, offset + paging.limit)}
        rowKey={(member) => member.id}
        onClearFilters={wanted === '' ? undefined : () => setText('')}
        empty={{ title: 'Nobody is in this channel', body: 'Add people by name, or a whole group.' }}
      />
      {found.length > paging.limit && (
        <TablePagination label="Members" paging={{ ...paging, offset, total: found.length }} />
      )}
      {isAdding && <ChannelAddMembers channel={channel} onClose={() => setIsAdding(false)} />}
      <ConfirmDialog
        isOpen={removing !== null || removingGroup !== null}
        isDanger
        title={
          removingGroup === null
            ? `Remove ${removing?.displayName} from ${channel.title}?`
            : `Remove the group ${removingGroup.name} from ${channel.title}?`
        }
        confirm="Remove"
        isPending={remove.isPending}
        error={remove.error}
        onClose={closeRemoval}
        onConfirm={() =>
          remove.mutate({
            id: channel.id,
            members: removing === null ? [] : [removing.id],
            groups: removingGroup === null ? [] : [removingGroup.id],
          })
        }
      >
        <Content component="p">
          {removingGroup === null
            ? 'He does not see the channel any more, from this moment on.'
            : 'Whoever is here only through this group does not see the channel any more, from this moment on.'}
        </Content>
      </ConfirmDialog>
    </Stack>
  )
}
