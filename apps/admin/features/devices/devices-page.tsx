'use client'

import type { DeviceView } from '@holdfast/api/services'
import {
  Button,
  PageSection,
  SearchInput,
  Stack,
  StackItem,
  Title,
  ToggleGroup,
  ToggleGroupItem,
  Toolbar,
  ToolbarContent,
  ToolbarItem,
} from '@patternfly/react-core'
import { LaptopIcon } from '@patternfly/react-icons/dist/esm/icons/laptop-icon'
import { keepPreviousData, useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { DetailDrawer } from '../../components/detail-drawer.tsx'
import { Ellipsis } from '../../components/ellipsis.tsx'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { PageHeader } from '../../components/page-header.tsx'
import { RelativeTime } from '../../components/relative-time.tsx'
import { StatusLabel } from '../../components/status-label.tsx'
import { usePaging } from '../../components/table-pagination.tsx'
import { useToasts } from '../../components/toasts.tsx'
import { useNow } from '../../components/use-now.ts'
import { useSettled } from '../../components/use-settled.ts'
import { trpc } from '../../lib/api.ts'
import { failureOf } from '../../lib/errors.ts'
import { useSelectedId } from '../../lib/use-selected-id.ts'
import { TargetHistory } from '../audit/target-history.tsx'
import { PersonPicker, type Picked } from '../people/person-picker.tsx'
import { useAllowed } from '../session/use-session.ts'
import { EditDeviceDialog, RevokeDialog, refreshDevices } from './device-dialogs.tsx'
import { DeviceFacts } from './device-facts.tsx'
import css from './devices.module.css'
import { PendingDevices } from './pending-devices.tsx'
import { useMayRevoke } from './use-may-revoke.ts'

/** A device that somebody just enrolled shows up within this. */
const refetchMs = 5_000
const pendingShown = 20
const statuses = ['approved', 'pending', 'revoked'] as const
type Status = (typeof statuses)[number]
const statusWords: Record<Status, string> = { approved: 'Approved', pending: 'Pending', revoked: 'Revoked' }

const columns: Column<DeviceView>[] = [
  {
    key: 'name',
    title: 'Device',
    cell: (row) => <Ellipsis text={row.name} />,
    sort: (row) => row.name,
    modifier: 'truncate',
    width: 25,
  },
  {
    key: 'person',
    title: 'Person',
    cell: (row) => <Ellipsis text={row.personName} />,
    sort: (row) => row.personName,
    modifier: 'truncate',
    width: 15,
  },
  {
    key: 'status',
    title: 'Status',
    cell: (row) => <StatusLabel status={row.status} />,
    sort: (row) => row.status,
    modifier: 'nowrap',
  },
  {
    key: 'platform',
    title: 'Platform',
    cell: (row) => <Ellipsis text={row.platform} />,
    sort: (row) => row.platform,
    modifier: 'truncate',
    width: 15,
  },
  {
    key: 'site',
    title: 'Site',
    cell: (row) => <Ellipsis text={row.site} />,
    sort: (row) => row.site,
    modifier: 'truncate',
    width: 20,
  },
  {
    key: 'seen',
    title: 'Last seen',
    cell: (row) =>
      row.presence === 'offline' ? (
        <RelativeTime at={row.lastSeenAt} />
      ) : (
        <StatusLabel status={row.presence} />
      ),
    sort: (row) => row.lastSeenAt,
    modifier: 'nowrap',
  },
]

export function DevicesPage() {
  const may = useAllowed()
  const mayRevoke = useMayRevoke()
  const toasts = useToasts()
  const now = useNow()
  const [selectedId, select] = useSelectedId()
  const [text, setText] = useState('')
  const [status, setStatus] = useState<Status | null>(null)
  const [person, setPerson] = useState<Picked[]>([])
  const [revoking, setRevoking] = useState<DeviceView | null>(null)
  const [editing, setEditing] = useState<DeviceView | null>(null)
  const paging = usePaging()
  const settled = useSettled(text.trim())
  const filters = {
    ...(settled === '' ? {} : { text: settled }),
    ...(status === null ? {} : { status }),
    ...(person[0] === undefined ? {} : { person: person[0].id }),
  }
  const list = useQuery(
    trpc.devices.list.queryOptions(
      { ...filters, offset: paging.offset, limit: paging.limit },
      { refetchInterval: refetchMs, placeholderData: keepPreviousData },
    ),
  )
  const pending = useQuery(
    trpc.devices.list.queryOptions(
      { status: 'pending', limit: pendingShown },
      { refetchInterval: refetchMs },
    ),
  )
  const detail = useQuery(
    trpc.devices.get.queryOptions({ id: selectedId ?? '' }, { enabled: selectedId !== null }),
  )
  const approve = useMutation(
    trpc.devices.approve.mutationOptions({
      onSuccess: async (device) => {
        toasts.success(`${device.name} is approved`, `${device.personName} can use it now.`)
        await refreshDevices()
      },
      onError: (error) => toasts.failure(failureOf(error)),
    }),
  )
  const hasFilters = Object.keys(filters).length > 0
  const clear = () => {
    setText('')
    setStatus(null)
    setPerson([])
    paging.reset()
  }
  const device = detail.data
  const decide = (row: DeviceView) => [
    ...(row.status === 'pending' && may('devices.approve')
      ? [{ title: 'Approve', onClick: () => approve.mutate({ id: row.id }) }]
      : []),
    ...(may('devices.update') && row.status !== 'revoked'
      ? [{ title: 'Edit…', onClick: () => setEditing(row) }]
      : []),
    ...(row.status !== 'revoked' && mayRevoke(row)
      ? [
          {
            title: row.status === 'pending' ? 'Refuse…' : 'Revoke…',
            isDanger: true,
            onClick: () => setRevoking(row),
          },
        ]
      : []),
  ]

  return (
    <DetailDrawer
      isOpen={selectedId !== null}
      title={device?.name ?? 'Device'}
      status={
        device && (
          <>
            <StatusLabel status={device.status} /> <StatusLabel status={device.presence} />
          </>
        )
      }
      onClose={() => select(null)}
      actions={
        device &&
        decide(device).map((action) => (
          <Button
            key={action.title}
            size="sm"
            variant={action.title === 'Approve' ? 'primary' : 'secondary'}
            isDanger={'isDanger' in action}
            onClick={action.onClick}
          >
            {action.title}
          </Button>
        ))
      }
      detail={
        <Stack hasGutter>
          <FailureAlert error={detail.error} onRetry={() => void detail.refetch()} />
          {device && <DeviceFacts device={device} now={now} />}
          {device && may('audit.search') && (
            <StackItem>
              <Title headingLevel="h3" size="md">
                History
              </Title>
              <TargetHistory target={device.id} />
            </StackItem>
          )}
        </Stack>
      }
    >
      <PageHeader
        title="Devices"
        description="Every device proves its own key. Without approval it gets no certificate."
      />
      <PageSection hasBodyWrapper={false}>
        <Stack hasGutter>
          {(pending.data?.total ?? 0) > 0 && pending.data && (
            <PendingDevices
              devices={pending.data.rows}
              total={pending.data.total}
              approvingId={approve.isPending ? approve.variables.id : null}
              onOpen={(row) => select(row.id)}
              {...(may('devices.approve')
                ? { onApprove: (row: DeviceView) => approve.mutate({ id: row.id }) }
                : {})}
              mayRefuse={mayRevoke}
              onRefuse={setRevoking}
            />
          )}
          <DataTable
            label="Devices"
            columns={columns}
            rows={list.data?.rows}
            rowKey={(row) => row.id}
            error={list.error}
            onRetry={() => void list.refetch()}
            paging={{ ...paging, total: list.data?.total ?? 0 }}
            onOpen={(row) => select(row.id)}
            openKey={selectedId}
            actions={decide}
            initialSort={{ key: 'name', direction: 'asc' }}
            onClearFilters={hasFilters ? clear : undefined}
            empty={{
              title: 'No device yet',
              icon: LaptopIcon,
              body: 'A device appears here as soon as somebody enrols it: in the browser under Messages, or with “holdfast login”.',
            }}
            toolbar={
              <Toolbar clearAllFilters={clear} inset={{ default: 'insetNone' }}>
                <ToolbarContent>
                  <ToolbarItem>
                    <SearchInput
                      aria-label="Search devices"
                      placeholder="Name, platform, site, tag"
                      value={text}
                      onChange={(_event, value) => {
                        setText(value)
                        paging.reset()
                      }}
                      onClear={() => setText('')}
                    />
                  </ToolbarItem>
                  <ToolbarItem className={css.picker}>
                    <PersonPicker
                      label="Person"
                      placeholder="Anybody"
                      isSingle
                      picked={person}
                      onChange={(picked) => {
                        setPerson(picked)
                        paging.reset()
                      }}
                    />
                  </ToolbarItem>
                  <ToolbarItem>
                    <ToggleGroup aria-label="Status">
                      {statuses.map((each) => (
                        <ToggleGroupItem
                          key={each}
                          text={statusWords[each]}
                          isSelected={status === each}
                          onChange={(_event, isOn) => {
                            setStatus(isOn ? each : null)
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
        </Stack>
      </PageSection>
      <RevokeDialog device={revoking} onClose={() => setRevoking(null)} />
      {editing !== null && <EditDeviceDialog device={editing} onClose={() => setEditing(null)} />}
    </DetailDrawer>
  )
}
