'use client'

import {
  PageSection,
  SearchInput,
  ToggleGroup,
  ToggleGroupItem,
  Toolbar,
  ToolbarContent,
  ToolbarItem,
} from '@patternfly/react-core'
import { UserCheckIcon } from '@patternfly/react-icons/dist/esm/icons/user-check-icon'
import Link from 'next/link'
import { useState } from 'react'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { Ellipsis } from '../../components/ellipsis.tsx'
import { PageHeader } from '../../components/page-header.tsx'
import { RelativeTime } from '../../components/relative-time.tsx'
import { StatusLabel } from '../../components/status-label.tsx'
import { usePaging } from '../../components/table-pagination.tsx'
import { count, formatNumber } from '../../lib/format.ts'
import { paths } from '../../lib/paths.ts'
import { useDirectory } from '../people/use-directory.ts'
import { useAllowed } from '../session/use-session.ts'
import { PresenceDevices } from './presence-devices.tsx'
import { countPresence, type PresenceFilter, type PresentPerson, selectPresence } from './summary.ts'
import { useLivePresence } from './use-live-presence.ts'

const filters: { filter: PresenceFilter; word: string }[] = [
  { filter: 'all', word: 'All' },
  { filter: 'online', word: 'Online' },
  { filter: 'away', word: 'Away' },
  { filter: 'offline', word: 'Offline' },
]

function LiveMark({ status, isLoaded }: { status: string; isLoaded: boolean }) {
  if (status === 'pending') return <StatusLabel status="live" />
  return <StatusLabel status="stale">{isLoaded ? 'Not live, reconnecting' : 'Connecting'}</StatusLabel>
}

/** Where a person was seen: the sites of his devices, each once. */
function sitesOf(person: PresentPerson): string {
  return [...new Set(person.devices.map((device) => device.site).filter((site) => site !== ''))].join(', ')
}

function columnsFor(mayWrite: boolean, maySeePeople: boolean): Column<PresentPerson>[] {
  return [
    {
      key: 'person',
      title: 'Person',
      cell: (row) =>
        maySeePeople ? (
          <Link href={paths.people(row.person)}>
            <Ellipsis text={row.displayName} />
          </Link>
        ) : (
          <Ellipsis text={row.displayName} />
        ),
      modifier: 'truncate',
      width: 25,
    },
    { key: 'state', title: 'State', cell: (row) => <StatusLabel status={row.state} />, modifier: 'nowrap' },
    { key: 'devices', title: 'Devices', cell: (row) => <PresenceDevices person={row} /> },
    {
      key: 'site',
      title: 'Site',
      cell: (row) => <Ellipsis text={sitesOf(row)} />,
      modifier: 'truncate',
      width: 20,
    },
    {
      key: 'seen',
      title: 'Last seen',
      cell: (row) => (row.state === 'offline' ? <RelativeTime at={row.lastSeenAt} /> : 'now'),
      modifier: 'nowrap',
    },
    ...(mayWrite
      ? [
          {
            key: 'write',
            title: 'Write',
            isTitleHidden: true,
            modifier: 'nowrap' as const,
            cell: (row: PresentPerson) => <Link href={paths.direct(row.person)}>Message</Link>,
          },
        ]
      : []),
  ]
}

/** Who is here right now, from which device and site, and how long ago everybody else was. */
export function PresencePage() {
  const may = useAllowed()
  const directory = useDirectory()
  const live = useLivePresence()
  const [filter, setFilter] = useState<PresenceFilter>('all')
  const [text, setText] = useState('')
  const paging = usePaging()

  const everybody =
    live.people === null || !directory.isLoaded
      ? undefined
      : [...live.people.values()].flatMap((state): PresentPerson[] => {
          const person = directory.byId.get(state.person)
          // Whoever was erased, or is newer than the list of names, has no row.
          if (person === undefined || person.status === 'erased') return []
          return [{ ...state, name: person.name, displayName: person.displayName }]
        })
  const counts = countPresence(everybody ?? [])
  const selected = everybody && selectPresence(everybody, filter, text)
  const offset = selected !== undefined && paging.offset >= selected.length ? 0 : paging.offset
  const isFiltered = filter !== 'all' || text.trim() !== ''
  const clear = () => {
    setFilter('all')
    setText('')
    paging.reset()
  }

  return (
    <>
      <PageHeader
        title="Presence"
        description={
          everybody === undefined
            ? 'Who is here right now, and when everybody else was.'
            : `${count(counts.online, 'person', 'people')} online, ${formatNumber(counts.away)} away, ${formatNumber(counts.offline)} offline.`
        }
        status={<LiveMark status={live.status} isLoaded={live.people !== null} />}
      />
      <PageSection hasBodyWrapper={false}>
        <DataTable
          label="Presence"
          columns={columnsFor(may('channels.direct'), may('people.get'))}
          rows={selected?.slice(offset, offset + paging.limit)}
          rowKey={(row) => row.person}
          error={live.people === null ? (directory.error ?? live.error) : null}
          onRetry={live.retry}
          paging={{ ...paging, offset, total: selected?.length ?? 0 }}
          onClearFilters={isFiltered ? clear : undefined}
          empty={{
            title: 'Nobody to show yet',
            icon: UserCheckIcon,
            body: 'People appear here once they are added under People & groups.',
          }}
          toolbar={
            <Toolbar inset={{ default: 'insetNone' }}>
              <ToolbarContent>
                <ToolbarItem>
                  <SearchInput
                    aria-label="Search presence"
                    placeholder="Name, device, site"
                    value={text}
                    onChange={(_event, value) => {
                      setText(value)
                      paging.reset()
                    }}
                    onClear={() => setText('')}
                  />
                </ToolbarItem>
                <ToolbarItem>
                  <ToggleGroup aria-label="State">
                    {filters.map((each) => (
                      <ToggleGroupItem
                        key={each.filter}
                        text={`${each.word} ${formatNumber(counts[each.filter])}`}
                        isSelected={filter === each.filter}
                        onChange={() => {
                          setFilter(each.filter)
                          paging.reset()
                        }}
                      />
                    ))}
                  </ToggleGroup>
                </ToolbarItem>
              </ToolbarContent>
            </Toolbar>
          }
        />
      </PageSection>
    </>
  )
}
