'use client'

import type { NodeSettingsView } from '@holdfast/api/services'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { StatusLabel } from '../../components/status-label.tsx'

type Interface = NodeSettingsView['interfaces'][number]

const columns: Column<Interface>[] = [
  {
    key: 'name',
    title: 'Interface',
    cell: (row) => <span className="hf-code">{row.name}</span>,
    sort: (row) => row.name,
    width: 15,
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
    width: 30,
  },
  {
    key: 'announced',
    title: 'Announced',
    cell: (row) =>
      row.announced ? (
        <StatusLabel status="ok">Yes</StatusLabel>
      ) : (
        <StatusLabel status="offline">No</StatusLabel>
      ),
    sort: (row) => (row.announced ? 0 : 1),
    width: 15,
  },
  { key: 'reason', title: 'Why', cell: (row) => row.reason },
]

/** Each interface and why the node is or is not announced on it. */
export function InterfacesTable({ rows }: { rows: Interface[] }) {
  return (
    <DataTable
      label="Network interfaces"
      columns={columns}
      rows={rows}
      rowKey={(row) => row.name}
      initialSort={{ key: 'announced', direction: 'asc' }}
      empty={{
        title: 'No network interface is up',
        body: 'Connect this machine to the network; the list fills by itself.',
      }}
    />
  )
}
