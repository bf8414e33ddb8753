'use client'

import type { LiveSample, StatusView } from '@holdfast/api/services'
import {
  Card,
  CardBody,
  CardTitle,
  DescriptionList,
  DescriptionListDescription,
  DescriptionListGroup,
  DescriptionListTerm,
  Grid,
  GridItem,
  Progress,
  ProgressMeasureLocation,
  ProgressVariant,
} from '@patternfly/react-core'
import { useQuery } from '@tanstack/react-query'
import Link from 'next/link'
import type { ReactNode } from 'react'
import { CopyableText } from '../../components/copyable-text.tsx'
import { RelativeTime } from '../../components/relative-time.tsx'
import { useNow } from '../../components/use-now.ts'
import { trpc } from '../../lib/api.ts'
import {
  count,
  formatBytes,
  formatDate,
  formatDuration,
  formatMs,
  formatNumber,
  formatPercent,
} from '../../lib/format.ts'
import { paths } from '../../lib/paths.ts'
import { useAllowed } from '../session/use-session.ts'

interface Facts {
  status: StatusView
  sample: LiveSample
}

const factTermWidth = '7.5rem'
const backupRefreshMs = 30_000
/** Shares of the disk in use from which the bar warns; the node refuses writes only when nothing is left. */
const diskWarningShare = 0.8
const diskDangerShare = 0.95

/** Who this node is, what it holds, and what proves that nothing was altered. */
export function OverviewFacts(facts: Facts) {
  return (
    <Grid hasGutter>
      <GridItem md={6}>
        <FactCard title="This node">
          <NodeFacts {...facts} />
        </FactCard>
      </GridItem>
      <GridItem md={6}>
        <FactCard title="What it holds">
          <ContentFacts {...facts} />
        </FactCard>
      </GridItem>
      <GridItem>
        <FactCard title="Log and audit" isWide>
          <ProofFacts {...facts} />
        </FactCard>
      </GridItem>
    </Grid>
  )
}

interface FactCardProps {
  title: string
  /** Two columns of facts where there is room. */
  isWide?: boolean
  children: ReactNode
}

function FactCard({ title, isWide = false, children }: FactCardProps) {
  return (
    <Card isCompact isFullHeight>
      <CardTitle component="h2">{title}</CardTitle>
      <CardBody>
        <DescriptionList
          isCompact
          isHorizontal
          columnModifier={{ default: '1Col', ...(isWide ? { lg: '2Col' } : {}) }}
          className="hf-facts"
          horizontalTermWidthModifier={{ default: factTermWidth }}
        >
          {children}
        </DescriptionList>
      </CardBody>
    </Card>
  )
}

function Fact({ term, children }: { term: string; children: ReactNode }) {
  return (
    <DescriptionListGroup>
      <DescriptionListTerm>{term}</DescriptionListTerm>
      <DescriptionListDescription>{children}</DescriptionListDescription>
    </DescriptionListGroup>
  )
}

function NodeFacts({ status, sample }: Facts) {
  const now = useNow()
  return (
    <>
      <Fact term="Facility">{status.facility}</Fact>
      <Fact term="Node">{status.nodeName}</Fact>
      <Fact term="Addresses">
        {status.addresses.map((address) => (
          <div key={address} className="hf-code hf-code-wrap">
            {address}
          </div>
        ))}
      </Fact>
      <Fact term="Version">{status.version}</Fact>
      <Fact term="Up for">{formatDuration(now - status.startedAt)}</Fact>
      <Fact term="Processor">
        {formatPercent(sample.cpuPercent)}{' '}
        <span className="hf-subtle">· event loop p99 {formatMs(sample.eventLoopP99Ms)}</span>
      </Fact>
      <Fact term="Certificate until">{formatDate(status.certificateExpiresAt)}</Fact>
      <Fact term="CA fingerprint">
        <CopyableText text={status.caFingerprint} label="CA fingerprint" shown={23} />
      </Fact>
    </>
  )
}

/** Of any node: a facility without a recent one should see it where it looks every day. */
function NewestBackup() {
  const may = useAllowed()
  const backups = useQuery(trpc.backups.status.queryOptions(undefined, { refetchInterval: backupRefreshMs }))
  if (backups.data === undefined) return '…'
  const { last, settings } = backups.data
  const age = <RelativeTime at={last[0]?.at ?? null} never="none yet" />
  return (
    <>
      {may('backups.list') ? <Link href={paths.settings('backups')}>{age}</Link> : age}
      {settings.schedule.kind === 'off' && <span className="hf-subtle"> · no schedule</span>}
    </>
  )
}

function ContentFacts({ status, sample }: Facts) {
  const may = useAllowed()
  const linked = (text: string, path: string, action: string) =>
    may(action) ? <Link href={path}>{text}</Link> : text
  const used = status.diskTotalBytes - status.diskFreeBytes
  const share = status.diskTotalBytes > 0 ? used / status.diskTotalBytes : 0
  return (
    <>
      <Fact term="People">
        {linked(count(status.people, 'person', 'people'), paths.people(), 'people.get')}{' '}
        <span className="hf-subtle">· {formatNumber(sample.peopleOnline)} online</span>
      </Fact>
      <Fact term="Devices">
        {linked(`${formatNumber(status.devices.approved)} approved`, paths.devices(), 'devices.list')}
        {status.devices.pending > 0 && (
          <> · {linked(`${formatNumber(status.devices.pending)} waiting`, paths.devices(), 'devices.list')}</>
        )}
      </Fact>
      <Fact term="Channels">
        {linked(formatNumber(status.channels), paths.channels(), 'channels.listAll')}
      </Fact>
      <Fact term="Messages">
        {formatNumber(status.messages)}
        {status.searchLag > 0 && (
          <span className="hf-subtle"> · {formatNumber(status.searchLag)} not searchable yet</span>
        )}
      </Fact>
      <Fact term="Stored">{formatBytes(status.dataBytes)}</Fact>
      <Fact term="Disk">
        <Progress
          value={Math.round(share * 100)}
          measureLocation={ProgressMeasureLocation.outside}
          size="sm"
          aria-label="Disk in use"
          {...(share >= diskDangerShare
            ? { variant: ProgressVariant.danger }
            : share >= diskWarningShare
              ? { variant: ProgressVariant.warning }
              : {})}
        />
        <span className="hf-subtle">
          {formatBytes(status.diskFreeBytes)} free of {formatBytes(status.diskTotalBytes)}
        </span>
      </Fact>
      <Fact term="Newest backup">
        <NewestBackup />
      </Fact>
    </>
  )
}

function ProofFacts({ status, sample }: Facts) {
  const may = useAllowed()
  return (
    <>
      <Fact term="Log index">{formatNumber(Math.max(status.logIndex, sample.logIndex))}</Fact>
      <Fact term="State chain">
        <CopyableText text={status.stateChain} label="state chain" shown={24} />
      </Fact>
      <Fact term="Audit events">
        {may('audit.search') ? (
          <Link href={paths.audit()}>{formatNumber(status.auditEvents)}</Link>
        ) : (
          formatNumber(status.auditEvents)
        )}
      </Fact>
      <Fact term="Audit head">
        <CopyableText text={status.auditHead} label="audit head" shown={24} />
      </Fact>
      <Fact term="As of">
        <RelativeTime at={status.now} />
      </Fact>
    </>
  )
}
