'use client'

import type { SessionView } from '@holdfast/api/services'
import { Button, Label, Tooltip } from '@patternfly/react-core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { ConfirmDialog } from '../../components/confirm-dialog.tsx'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { RelativeTime } from '../../components/relative-time.tsx'
import { useToasts } from '../../components/toasts.tsx'
import { queryClient, trpc } from '../../lib/api.ts'
import { describeUserAgent } from '../../lib/user-agent.ts'

/** Every place where one is signed in, with a way to end each but this one. */
export function SessionsTable() {
  const toasts = useToasts()
  const sessions = useQuery(trpc.auth.sessions.queryOptions())
  const [ending, setEnding] = useState<SessionView | null>(null)
  const end = useMutation(
    trpc.auth.endSession.mutationOptions({
      onSuccess: () => {
        setEnding(null)
        toasts.success('The session has ended', 'Whoever used it is signed out.')
        void queryClient.invalidateQueries(trpc.auth.sessions.pathFilter())
      },
    }),
  )
  const columns: Column<SessionView>[] = [
    {
      key: 'program',
      title: 'Program',
      cell: (row) => (
        <>
          <Tooltip content={row.userAgent || 'The program did not name itself'}>
            <span>{describeUserAgent(row.userAgent)}</span>
          </Tooltip>{' '}
          {row.current && (
            <Label isCompact color="blue">
              here
            </Label>
          )}
        </>
      ),
      sort: (row) => describeUserAgent(row.userAgent),
    },
    {
      key: 'device',
      title: 'Device',
      cell: (row) => row.deviceName ?? <span className="hf-subtle">not enrolled</span>,
      sort: (row) => row.deviceName,
      modifier: 'breakWord',
    },
    { key: 'remote', title: 'Address', cell: (row) => <span className="hf-code">{row.remote}</span> },
    {
      key: 'created',
      title: 'Signed in',
      cell: (row) => <RelativeTime at={row.createdAt} />,
      sort: (row) => row.createdAt,
    },
    {
      key: 'expires',
      title: 'Ends',
      cell: (row) => <RelativeTime at={row.expiresAt} />,
      sort: (row) => row.expiresAt,
    },
    {
      key: 'end',
      title: 'End the session',
      isTitleHidden: true,
      cell: (row) =>
        !row.current && (
          <Button
            variant="link"
            isInline
            isDanger
            aria-label={`End the session of ${describeUserAgent(row.userAgent)} at ${row.remote}`}
            onClick={() => setEnding(row)}
          >
            End
          </Button>
        ),
    },
  ]
  return (
    <>
      <DataTable
        label="Sessions"
        columns={columns}
        rows={sessions.data}
        rowKey={(row) => row.id}
        error={sessions.data === undefined ? sessions.error : null}
        onRetry={() => void sessions.refetch()}
        initialSort={{ key: 'created', direction: 'desc' }}
        empty={{ title: 'No session', body: 'You are not signed in anywhere.' }}
      />
      <ConfirmDialog
        isOpen={ending !== null}
        title="End this session?"
        confirm="End the session"
        isDanger
        isPending={end.isPending}
        error={end.error}
        onConfirm={() => ending !== null && end.mutate({ id: ending.id })}
        onClose={() => {
          setEnding(null)
          end.reset()
        }}
      >
        {ending !== null &&
          `${describeUserAgent(ending.userAgent)} at ${ending.remote} is signed out at once and has to sign in again.`}
      </ConfirmDialog>
    </>
  )
}
