'use client'

import type { GroupView } from '@holdfast/api/services'
import { Button, SearchInput, Toolbar, ToolbarContent, ToolbarItem } from '@patternfly/react-core'
import { UsersIcon } from '@patternfly/react-icons/dist/esm/icons/users-icon'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { Ellipsis } from '../../components/ellipsis.tsx'
import { RelativeTime } from '../../components/relative-time.tsx'
import { usePaging } from '../../components/table-pagination.tsx'
import { useSettled } from '../../components/use-settled.ts'
import { trpc } from '../../lib/api.ts'
import { formatNumber } from '../../lib/format.ts'
import { useAllowed } from '../session/use-session.ts'
import { GroupCreate } from './group-dialogs.tsx'

const columns: Column<GroupView>[] = [
  {
    key: 'name',
    title: 'Group',
    cell: (row) => <Ellipsis text={row.name} />,
    sort: (row) => row.name,
    width: 30,
  },
  {
    key: 'description',
    title: 'Description',
    cell: (row) => <span dir="auto">{row.description}</span>,
    modifier: 'truncate',
  },
  {
    key: 'members',
    title: 'People',
    cell: (row) => formatNumber(row.members.length),
    sort: (row) => row.members.length,
  },
  {
    key: 'created',
    title: 'Created',
    cell: (row) => <RelativeTime at={row.createdAt} />,
    sort: (row) => row.createdAt,
    modifier: 'nowrap',
  },
]

interface GroupsTableProps {
  selectedId: string | null
  onSelect: (id: string | null) => void
}

export function GroupsTable({ selectedId, onSelect }: GroupsTableProps) {
  const may = useAllowed()
  const [text, setText] = useState('')
  const [isCreating, setIsCreating] = useState(false)
  const paging = usePaging()
  const settled = useSettled(text.trim())
  const list = useQuery(
    trpc.groups.list.queryOptions(
      { ...(settled === '' ? {} : { text: settled }), offset: paging.offset, limit: paging.limit },
      { placeholderData: keepPreviousData },
    ),
  )
  const create = may('groups.create') && <Button onClick={() => setIsCreating(true)}>Create a group</Button>
  return (
    <>
      <DataTable
        label="Groups"
        columns={columns}
        rows={list.data?.rows}
        rowKey={(row) => row.id}
        error={list.error}
        onRetry={() => void list.refetch()}
        paging={{ ...paging, total: list.data?.total ?? 0 }}
        onOpen={(row) => onSelect(row.id)}
        openKey={selectedId}
        initialSort={{ key: 'name', direction: 'asc' }}
        onClearFilters={settled === '' ? undefined : () => setText('')}
        empty={{
          title: 'No group yet',
          icon: UsersIcon,
          body: 'A group brings all of its people into a channel at once, also those who join it later.',
          action: create,
        }}
        toolbar={
          <Toolbar inset={{ default: 'insetNone' }}>
            <ToolbarContent>
              <ToolbarItem>
                <SearchInput
                  aria-label="Search groups"
                  placeholder="Name or description"
                  value={text}
                  onChange={(_event, value) => {
                    setText(value)
                    paging.reset()
                  }}
                  onClear={() => setText('')}
                />
              </ToolbarItem>
              {create && <ToolbarItem>{create}</ToolbarItem>}
            </ToolbarContent>
          </Toolbar>
        }
      />
      {isCreating && (
        <GroupCreate
          onClose={() => setIsCreating(false)}
          onCreated={(id) => {
            setIsCreating(false)
            onSelect(id)
          }}
        />
      )}
    </>
  )
}
