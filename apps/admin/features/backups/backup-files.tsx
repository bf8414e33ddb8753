'use client'

import type { BackupFile, BackupStatus } from '@holdfast/api/backup-services'
import { Alert, Button, Progress, Stack, StackItem } from '@patternfly/react-core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { RelativeTime } from '../../components/relative-time.tsx'
import { queryClient, trpc } from '../../lib/api.ts'
import { formatBytes, formatNumber } from '../../lib/format.ts'

const columns: Column<BackupFile>[] = [
  {
    key: 'age',
    title: 'Age',
    cell: (row) => <RelativeTime at={row.createdAt === 0 ? null : row.createdAt} never="unknown" />,
    sort: (row) => row.createdAt,
  },
  {
    key: 'file',
    title: 'File',
    cell: (row) => row.file,
    sort: (row) => row.file,
    modifier: 'breakWord',
    width: 40,
  },
  { key: 'node', title: 'Node', cell: (row) => row.nodeName, sort: (row) => row.nodeName },
  { key: 'size', title: 'Size', cell: (row) => formatBytes(row.bytes), sort: (row) => row.bytes },
  { key: 'index', title: 'Log entry', cell: (row) => formatNumber(row.index), sort: (row) => row.index },
  {
    key: 'proven',
    title: 'Proven',
    cell: (row) => row.problem ?? <RelativeTime at={row.provenAt} />,
    sort: (row) => row.provenAt,
    modifier: 'breakWord',
  },
]

/** What the node's folder holds, with making one now. */
export function BackupFiles({ status, mayCreate }: { status: BackupStatus; mayCreate: boolean }) {
  const { running, failure } = status
  const list = useQuery(trpc.backups.list.queryOptions())
  const create = useMutation(
    trpc.backups.create.mutationOptions({
      onSettled: () => void queryClient.invalidateQueries(trpc.backups.status.pathFilter()),
    }),
  )
  const isRunning = running !== null
  const newest = status.last[0]?.sha256
  // biome-ignore lint/correctness/useExhaustiveDependencies: the list changes when one begins, ends or is made elsewhere
  useEffect(() => {
    void queryClient.invalidateQueries(trpc.backups.list.pathFilter())
  }, [isRunning, newest])
  return (
    <Stack hasGutter>
      <FailureAlert error={create.error} />
      {failure !== null && !isRunning && (
        <StackItem>
          <Alert variant="danger" isInline title="The last backup failed">
            {failure.message} (<RelativeTime at={failure.at} />)
          </Alert>
        </StackItem>
      )}
      {running !== null && (
        <StackItem>
          <Progress
            title={running.step === 'copying' ? 'Copying the database' : 'Compressing and encrypting'}
            value={running.totalBytes === 0 ? 0 : (running.doneBytes / running.totalBytes) * 100}
          />
        </StackItem>
      )}
      {mayCreate && (
        <StackItem>
          <Button
            variant="secondary"
            onClick={() => create.mutate()}
            isDisabled={isRunning || create.isPending}
            isLoading={create.isPending}
          >
            Make a backup now
          </Button>
        </StackItem>
      )}
      <StackItem>
        <DataTable
          label="Backups"
          columns={columns}
          rows={list.data?.files}
          rowKey={(row) => row.file}
          error={list.error}
          onRetry={() => void list.refetch()}
          initialSort={{ key: 'age', direction: 'desc' }}
          empty={{ title: 'No backup yet', body: 'Backups of this node will be listed here.' }}
        />
      </StackItem>
      <StackItem>
        <p className="hf-subtle">
          A backup is proven by restoring it for trial, with the recovery key, on any machine with Holdfast:{' '}
          <code className="hf-nowrap">holdfast backup verify FILE --key-file KEY</code>. The node cannot do
          it, because it does not have the key.
        </p>
      </StackItem>
    </Stack>
  )
}
