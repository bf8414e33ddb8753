'use client'

import type { PeerView } from '@holdfast/api/services'
import { Label } from '@patternfly/react-core'
import { useQuery } from '@tanstack/react-query'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { RelativeTime } from '../../components/relative-time.tsx'
import { StatusLabel } from '../../components/status-label.tsx'
import { trpc } from '../../lib/api.ts'

/** Peers announce themselves every few seconds; looking more often shows nothing new. */
const refreshMs = 5_000

const columns: Column<PeerView>[] = [
  {
    key: 'name',
    title: 'Node',
    cell: (row) => (
      <>
        {row.name}{' '}
        {row.self && (
          <Label isCompact color="blue">
            this node
          </Label>
        )}
      </>
    ),
    sort: (row) => row.name,
    modifier: 'breakWord',
  },
  {
    key: 'facility',
    title: 'Facility',
    cell: (row) => row.facility,
    sort: (row) => row.facility,
    modifier: 'breakWord',
  },
  {
    key: 'addresses',
    title: 'Addresses',
    cell: (row) =>
      row.addresses.map((address) => (
        <div key={address} className="hf-code hf-code-wrap">
          {address}
        </div>
      )),
  },
  { key: 'port', title: 'Port', cell: (row) => row.port },
  { key: 'origin', title: 'Found by', cell: (row) => row.origin, sort: (row) => row.origin },
  {
    key: 'verified',
    title: 'Signature',
    cell: (row) =>
      row.verified ? (
        <StatusLabel status="ok">Verified</StatusLabel>
      ) : (
        <StatusLabel status="warning">Not verified</StatusLabel>
      ),
    sort: (row) => (row.verified ? 1 : 0),
  },
  {
    key: 'seen',
    title: 'Last seen',
    cell: (row) => <RelativeTime at={row.lastSeenAt} />,
    sort: (row) => row.lastSeenAt,
  },
]

/** Nodes that this one has heard of, with how and when. */
export function PeersTable() {
  const peers = useQuery(trpc.discovery.peers.queryOptions(undefined, { refetchInterval: refreshMs }))
  return (
    <DataTable
      label="Nodes found"
      columns={columns}
      rows={peers.data}
      rowKey={(row) => `${row.nodeId} ${row.origin}`}
      error={peers.data === undefined ? peers.error : null}
      onRetry={() => void peers.refetch()}
      initialSort={{ key: 'name', direction: 'asc' }}
      empty={{
        title: 'No other node was found',
        body: 'Nodes on the same network appear here within seconds. For one behind a router, add its address to the static peers above.',
      }}
    />
  )
}
