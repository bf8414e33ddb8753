'use client'

import type { AuditView } from '@holdfast/api/services'
import {
  Alert,
  Button,
  Content,
  ExpandableSection,
  Flex,
  PageSection,
  Skeleton,
  Stack,
} from '@patternfly/react-core'
import { DownloadIcon } from '@patternfly/react-icons/dist/esm/icons/download-icon'
import { HistoryIcon } from '@patternfly/react-icons/dist/esm/icons/history-icon'
import { ShieldAltIcon } from '@patternfly/react-icons/dist/esm/icons/shield-alt-icon'
import { keepPreviousData, useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { DetailDrawer } from '../../components/detail-drawer.tsx'
import { Ellipsis } from '../../components/ellipsis.tsx'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { PageHeader } from '../../components/page-header.tsx'
import { StatusLabel } from '../../components/status-label.tsx'
import { usePaging } from '../../components/table-pagination.tsx'
import { useNow } from '../../components/use-now.ts'
import { useSettled } from '../../components/use-settled.ts'
import { queryClient, trpc } from '../../lib/api.ts'
import { formatDateTime, formatNumber } from '../../lib/format.ts'
import { useSelectedId } from '../../lib/use-selected-id.ts'
import { useAllowed } from '../session/use-session.ts'
import { actionText } from './action-text.ts'
import { AuditDetail } from './audit-detail.tsx'
import { ExportDialog } from './audit-export.tsx'
import { AuditFilterBar, type AuditFilters, noFilters } from './audit-filters.tsx'
import { CheckpointPanel } from './checkpoint-panel.tsx'
import { TargetName } from './target-name.tsx'
import { isBackwards, rangeBounds } from './time-range.ts'
import { VerifyPanel } from './verify-panel.tsx'

/** Presets move on in steps of this, so that a search stays the same while it is looked at. */
const rangeStepMs = 60_000

const columns: Column<AuditView>[] = [
  {
    key: 'at',
    title: 'Time',
    cell: (row) => <span className="hf-nowrap">{formatDateTime(row.at)}</span>,
    modifier: 'nowrap',
  },
  { key: 'action', title: 'What', cell: (row) => actionText(row.action) },
  { key: 'actor', title: 'Who', cell: (row) => <Ellipsis text={row.actorName || row.actor} isShort /> },
  { key: 'target', title: 'Target', cell: (row) => <TargetName event={row} /> },
  {
    key: 'outcome',
    title: 'Outcome',
    cell: (row) => <StatusLabel status={row.outcome} />,
    modifier: 'nowrap',
  },
  { key: 'remote', title: 'From', cell: (row) => <Ellipsis text={row.remote} isShort /> },
  { key: 'seq', title: 'Number', cell: (row) => formatNumber(row.seq), modifier: 'nowrap' },
]

function useAuditSearch(filters: AuditFilters, paging: { offset: number; limit: number }) {
  const minute = Math.floor(useNow() / rangeStepMs) * rangeStepMs
  const text = useSettled(filters.text.trim())
  const target = useSettled(filters.target.trim())
  const actorName = useSettled(filters.actorName.trim())
  const actor = filters.actor[0]?.id ?? actorName
  const set = {
    ...(text === '' ? {} : { text }),
    ...(filters.area === '' ? {} : { action: filters.area }),
    ...(actor === '' ? {} : { actor }),
    ...(target === '' ? {} : { target }),
    ...rangeBounds(filters.range, minute),
  }
  const query = useQuery(
    trpc.audit.search.queryOptions(
      { ...set, ...paging },
      { placeholderData: keepPreviousData, enabled: minute > 0 },
    ),
  )
  return { query, isFiltered: Object.keys(set).length > 0 }
}

export function AuditPage() {
  const may = useAllowed()
  const [selected, select] = useSelectedId()
  const [filters, setFilters] = useState(noFilters)
  const [isExporting, setIsExporting] = useState(false)
  const paging = usePaging()
  const { query, isFiltered } = useAuditSearch(filters, { offset: paging.offset, limit: paging.limit })
  const selectedSeq = selected === null ? null : Number(selected)
  const detail = useQuery(
    trpc.audit.get.queryOptions(
      { seq: selectedSeq ?? 0 },
      { enabled: Number.isSafeInteger(selectedSeq), staleTime: Number.POSITIVE_INFINITY },
    ),
  )
  const verify = useMutation(
    trpc.audit.verify.mutationOptions({
      onSettled: () => queryClient.invalidateQueries(trpc.audit.search.pathFilter()),
    }),
  )
  const change = (part: Partial<AuditFilters>) => {
    setFilters((now) => ({ ...now, ...part }))
    paging.reset()
  }

  return (
    <DetailDrawer
      isOpen={selected !== null}
      title={detail.data ? actionText(detail.data.action) : 'Event'}
      status={detail.data && <StatusLabel status={detail.data.outcome} />}
      onClose={() => select(null)}
      detail={
        <>
          <FailureAlert error={detail.error} onRetry={() => void detail.refetch()} />
          {detail.data ? (
            <AuditDetail event={detail.data} />
          ) : (
            detail.error === null && <Skeleton screenreaderText="Loading" />
          )}
        </>
      }
    >
      <PageHeader
        title="Audit"
        description="Every change anyone made and every security event, in a chain that shows any later alteration."
        actions={
          <Flex gap={{ default: 'gapMd' }}>
            {may('audit.verify') && (
              <Button
                icon={<ShieldAltIcon />}
                isLoading={verify.isPending}
                isDisabled={verify.isPending}
                onClick={() => verify.mutate()}
              >
                {verify.isPending ? 'Verifying…' : 'Verify the log'}
              </Button>
            )}
            {may('audit.export') && (
              <Button variant="secondary" icon={<DownloadIcon />} onClick={() => setIsExporting(true)}>
                Export…
              </Button>
            )}
          </Flex>
        }
      />
      <PageSection hasBodyWrapper={false}>
        <Stack hasGutter>
          <WhatItMeans />
          {may('audit.checkpoint') && <CheckpointPanel />}
          <FailureAlert error={verify.error} onRetry={() => verify.mutate()} />
          {verify.data && <VerifyPanel verdict={verify.data} onClose={() => verify.reset()} />}
          {isBackwards(filters.range) && (
            <Alert variant="warning" isInline isPlain title="The range ends before it begins." />
          )}
          <DataTable
            label="Audit events"
            columns={columns}
            rows={query.data?.rows}
            rowKey={(row) => String(row.seq)}
            error={query.error}
            onRetry={() => void query.refetch()}
            paging={{ ...paging, total: query.data?.total ?? 0 }}
            onOpen={(row) => select(String(row.seq))}
            openKey={selected}
            onClearFilters={isFiltered ? () => change(noFilters) : undefined}
            empty={{
              title: 'No event yet',
              icon: HistoryIcon,
              body: 'Every change and every sign-in will be written down here.',
            }}
            toolbar={<AuditFilterBar filters={filters} onChange={change} />}
          />
        </Stack>
      </PageSection>
      {isExporting && <ExportDialog total={query.data?.total ?? 0} onClose={() => setIsExporting(false)} />}
    </DetailDrawer>
  )
}

function WhatItMeans() {
  const [isOpen, setIsOpen] = useState(false)
  return (
    <ExpandableSection
      toggleText="What does this mean?"
      isExpanded={isOpen}
      onToggle={(_event, open) => setIsOpen(open)}
    >
      <Content component="p">
        Each event carries a hash over itself and over the event before it, and is written to a file that is
        only ever added to. Changing, removing or reordering a single byte breaks every hash after it.
      </Content>
      <Content component="p">
        Verifying reads all files from the first event on, computes the chain anew and compares it with the
        node’s database. It changes nothing and can run at any time; that it ran is itself an event.
      </Content>
      <Content component="p">
        A checkpoint is a signature over all events so far. Every node of the facility computes it from its
        own copy and adds its signature, so that a history which one node rewrote is told by the others.
      </Content>
    </ExpandableSection>
  )
}
