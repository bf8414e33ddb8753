'use client'

import { type Role, roles, roleTitles } from '@holdfast/api/contract/policy'
import type { PersonView } from '@holdfast/api/services'
import {
  Button,
  FormSelect,
  FormSelectOption,
  Label,
  SearchInput,
  Toolbar,
  ToolbarContent,
  ToolbarItem,
} from '@patternfly/react-core'
import { UsersIcon } from '@patternfly/react-icons/dist/esm/icons/users-icon'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { Ellipsis } from '../../components/ellipsis.tsx'
import { RelativeTime } from '../../components/relative-time.tsx'
import { StatusLabel } from '../../components/status-label.tsx'
import { usePaging } from '../../components/table-pagination.tsx'
import { useSettled } from '../../components/use-settled.ts'
import { trpc } from '../../lib/api.ts'
import { useAllowed } from '../session/use-session.ts'
import { PersonAdd } from './person-add.tsx'
import { PersonImport } from './person-import.tsx'
import type { OfferedAction } from './use-person-actions.tsx'

const refetchMs = 15_000
const statuses = ['active', 'suspended', 'erased'] as const
type Status = (typeof statuses)[number]
const statusWords: Record<Status, string> = { active: 'Active', suspended: 'Suspended', erased: 'Erased' }

const columns: Column<PersonView>[] = [
  {
    key: 'name',
    title: 'Name',
    cell: (row) => <Ellipsis text={row.displayName} />,
    sort: (row) => row.displayName,
    modifier: 'truncate',
    width: 25,
  },
  {
    key: 'login',
    title: 'Signs in as',
    cell: (row) => <Ellipsis text={row.name} />,
    sort: (row) => row.name,
    modifier: 'truncate',
    width: 15,
  },
  {
    key: 'role',
    title: 'Role',
    cell: (row) => (
      <>
        {roleTitles[row.role]} {row.kind === 'service' && <Label isCompact>Service</Label>}
      </>
    ),
    sort: (row) => roleTitles[row.role],
  },
  {
    key: 'status',
    title: 'Status',
    cell: (row) => <StatusLabel status={row.lockedUntil === null ? row.status : 'locked'} />,
    sort: (row) => row.status,
  },
  {
    key: 'presence',
    title: 'Presence',
    cell: (row) => row.status !== 'erased' && <StatusLabel status={row.presence} />,
    sort: (row) => row.presence,
  },
  {
    key: 'seen',
    title: 'Last seen',
    cell: (row) => <RelativeTime at={row.lastSeenAt} />,
    sort: (row) => row.lastSeenAt,
    modifier: 'nowrap',
  },
]

interface PeopleTableProps {
  selectedId: string | null
  onSelect: (id: string) => void
  actionsOf: (person: PersonView) => OfferedAction[]
  presenceNow: (person: PersonView) => PersonView['presence']
  onPassword: (made: { name: string; password: string }) => void
}

export function PeopleTable({ selectedId, onSelect, actionsOf, presenceNow, onPassword }: PeopleTableProps) {
  const may = useAllowed()
  const [text, setText] = useState('')
  const [role, setRole] = useState<Role | ''>('')
  const [status, setStatus] = useState<Status | ''>('')
  const [dialog, setDialog] = useState<'add' | 'import' | null>(null)
  const paging = usePaging()
  const settled = useSettled(text.trim())
  const filters = {
    ...(settled === '' ? {} : { text: settled }),
    ...(role === '' ? {} : { role }),
    ...(status === '' ? {} : { status }),
  }
  const list = useQuery(
    trpc.people.list.queryOptions(
      { ...filters, offset: paging.offset, limit: paging.limit },
      { refetchInterval: refetchMs, placeholderData: keepPreviousData },
    ),
  )
  const clear = () => {
    setText('')
    setRole('')
    setStatus('')
    paging.reset()
  }
  return (
    <>
      <DataTable
        label="People"
        columns={columns}
        rows={list.data?.rows.map((row) => ({ ...row, presence: presenceNow(row) }))}
        rowKey={(row) => row.id}
        error={list.error}
        onRetry={() => void list.refetch()}
        paging={{ ...paging, total: list.data?.total ?? 0 }}
        onOpen={(row) => onSelect(row.id)}
        openKey={selectedId}
        actions={actionsOf}
        initialSort={{ key: 'name', direction: 'asc' }}
        onClearFilters={Object.keys(filters).length > 0 ? clear : undefined}
        empty={{ title: 'Nobody yet', icon: UsersIcon, body: 'Add people one by one, or import a list.' }}
        toolbar={
          <Toolbar inset={{ default: 'insetNone' }}>
            <ToolbarContent>
              <ToolbarItem>
                <SearchInput
                  aria-label="Search people"
                  placeholder="Name"
                  value={text}
                  onChange={(_event, value) => {
                    setText(value)
                    paging.reset()
                  }}
                  onClear={() => setText('')}
                />
              </ToolbarItem>
              <ToolbarItem>
                <FormSelect
                  aria-label="Role"
                  value={role}
                  onChange={(_event, value) => {
                    setRole(value as Role | '')
                    paging.reset()
                  }}
                >
                  <FormSelectOption value="" label="Every role" />
                  {roles.map((each) => (
                    <FormSelectOption key={each} value={each} label={roleTitles[each]} />
                  ))}
                </FormSelect>
              </ToolbarItem>
              <ToolbarItem>
                <FormSelect
                  aria-label="Status"
                  value={status}
                  onChange={(_event, value) => {
                    setStatus(value as Status | '')
                    paging.reset()
                  }}
                >
                  <FormSelectOption value="" label="Every status" />
                  {statuses.map((each) => (
                    <FormSelectOption key={each} value={each} label={statusWords[each]} />
                  ))}
                </FormSelect>
              </ToolbarItem>
              {may('people.add') && (
                <ToolbarItem>
                  <Button onClick={() => setDialog('add')}>Add a person</Button>
                </ToolbarItem>
              )}
              {may('people.importCsv') && (
                <ToolbarItem>
                  <Button variant="secondary" onClick={() => setDialog('import')}>
                    Import…
                  </Button>
                </ToolbarItem>
              )}
            </ToolbarContent>
          </Toolbar>
        }
      />
      {dialog === 'add' && (
        <PersonAdd
          onClose={() => setDialog(null)}
          onAdded={(name, password) => {
            setDialog(null)
            if (password !== null) onPassword({ name, password })
          }}
        />
      )}
      {dialog === 'import' && <PersonImport onClose={() => setDialog(null)} />}
    </>
  )
}
