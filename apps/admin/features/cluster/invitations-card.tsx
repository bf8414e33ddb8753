'use client'

import type { InvitationView } from '@holdfast/api/cluster-services'
import { Card, CardBody, CardTitle } from '@patternfly/react-core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { ConfirmDialog } from '../../components/confirm-dialog.tsx'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { RelativeTime } from '../../components/relative-time.tsx'
import { StatusLabel } from '../../components/status-label.tsx'
import { useToasts } from '../../components/toasts.tsx'
import { useNow } from '../../components/use-now.ts'
import { trpc } from '../../lib/api.ts'
import { useAllowed } from '../session/use-session.ts'
import { refreshCluster } from './refresh.ts'

const columns: Column<InvitationView>[] = [
  { key: 'state', title: 'State', cell: (row) => <State row={row} /> },
  { key: 'by', title: 'Made by', cell: (row) => row.createdBy, modifier: 'breakWord' },
  { key: 'made', title: 'Made', cell: (row) => <RelativeTime at={row.createdAt} /> },
  { key: 'until', title: 'Good until', cell: (row) => <Until row={row} /> },
  { key: 'id', title: 'Id', cell: (row) => <span className="hf-code">{row.id}</span>, modifier: 'breakWord' },
]

function State({ row }: { row: InvitationView }) {
  const now = useNow()
  if (row.usedAt !== null)
    return <StatusLabel status="done">{`Used by ${row.usedBy ?? 'a node'}`}</StatusLabel>
  return row.expiresAt > now ? (
    <StatusLabel status="pending">Open</StatusLabel>
  ) : (
    <StatusLabel status="offline">Expired</StatusLabel>
  )
}

/** A code is good for one node: once it is used, its end says nothing. */
function Until({ row }: { row: InvitationView }) {
  return row.usedAt === null ? <RelativeTime at={row.expiresAt} /> : '–'
}

/** Codes that were made, and what became of them. */
export function InvitationsCard({ invitations }: { invitations: InvitationView[] }) {
  const may = useAllowed()
  const toasts = useToasts()
  const now = useNow()
  const [revoking, setRevoking] = useState<InvitationView | null>(null)
  const close = () => {
    setRevoking(null)
    revoke.reset()
  }
  const revoke = useMutation(
    trpc.cluster.revokeInvitation.mutationOptions({
      onSuccess: async () => {
        close()
        toasts.success('The invitation is revoked', 'Its code is worth nothing any more.')
        await refreshCluster()
      },
    }),
  )
  return (
    <Card isCompact>
      <CardTitle component="h2">Invitations</CardTitle>
      <CardBody>
        <DataTable
          label="Invitations"
          columns={columns}
          rows={invitations}
          rowKey={(row) => row.id}
          {...(may('cluster.revokeInvitation')
            ? {
                actions: (row: InvitationView) =>
                  row.usedAt === null && row.expiresAt > now
                    ? [{ title: 'Revoke…', onClick: () => setRevoking(row) }]
                    : [],
              }
            : {})}
          empty={{ title: 'No invitation', body: 'Codes for new nodes are listed here.' }}
        />
      </CardBody>
      <ConfirmDialog
        isOpen={revoking !== null}
        isDanger
        title="Revoke this invitation?"
        confirm="Revoke"
        isPending={revoke.isPending}
        error={revoke.error}
        onClose={close}
        onConfirm={() => revoking !== null && revoke.mutate({ id: revoking.id })}
      >
        Its code is worth nothing from then on. A node that has joined with it already stays a member.
      </ConfirmDialog>
    </Card>
  )
}
