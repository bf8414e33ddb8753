'use client'

import type { ClusterMember, ClusterView } from '@holdfast/api/cluster-services'
import { Label, Tooltip } from '@patternfly/react-core'
import { CopyableText } from '../../components/copyable-text.tsx'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { Ellipsis } from '../../components/ellipsis.tsx'
import { Facts } from '../../components/facts.tsx'
import { RelativeTime } from '../../components/relative-time.tsx'
import { StatusLabel } from '../../components/status-label.tsx'
import { formatBytes, formatMs, formatNumber } from '../../lib/format.ts'
import { useAllowed } from '../session/use-session.ts'
import css from './cluster.module.css'
import { formatSkew, stateMeanings, stateWords } from './verdict.ts'

interface MembersTableProps {
  view: ClusterView
  onRemove: (member: ClusterMember) => void
  onAddress: () => void
}

/** Each member in a row; what does not fit folds out. */
export function MembersTable({ view, onRemove, onAddress }: MembersTableProps) {
  const may = useAllowed()
  const actions = (row: ClusterMember) => [
    ...(row.self && may('cluster.setAddress')
      ? [{ title: 'Change address…', isDisabled: !view.writable, onClick: onAddress }]
      : []),
    ...(view.members.length > 1 && may('cluster.remove')
      ? [{ title: 'Remove…', isDisabled: !view.writable, onClick: () => onRemove(row) }]
      : []),
  ]
  const hasActions = may('cluster.setAddress') || may('cluster.remove')
  return (
    <DataTable
      label="Members"
      columns={columns}
      rows={view.members}
      rowKey={(row) => row.nodeId}
      expanded={(row) => <MemberFacts member={row} />}
      {...(hasActions ? { actions } : {})}
      empty={{ title: 'No member is known', body: 'The node has not heard of the others yet.' }}
    />
  )
}

const columns: Column<ClusterMember>[] = [
  {
    key: 'name',
    title: 'Node',
    cell: (row) => (
      <div className={css.tags}>
        <Ellipsis text={row.name} isShort />
        {row.leader && (
          <Label isCompact color="purple">
            leader
          </Label>
        )}
        {row.self && (
          <Label isCompact color="blue">
            this node
          </Label>
        )}
      </div>
    ),
    width: 25,
  },
  {
    key: 'state',
    title: 'State',
    cell: (row) => (
      <Tooltip content={stateMeanings[row.state]}>
        <span>
          <StatusLabel status={row.state} />
        </span>
      </Tooltip>
    ),
  },
  {
    key: 'index',
    title: 'Log',
    cell: (row) => (
      <span className={css.number}>
        {formatNumber(row.index)}
        {row.lag > 0 && <div className="hf-subtle">{formatNumber(row.lag)} behind</div>}
      </span>
    ),
  },
  { key: 'chain', title: 'State chain', cell: (row) => <Chain member={row} /> },
  {
    key: 'clock',
    title: 'Clock',
    cell: (row) => (
      <span className={css.number}>
        {row.self
          ? '–'
          : row.clockSkewMs === null || row.state === 'unreachable'
            ? '?'
            : formatSkew(row.clockSkewMs)}
      </span>
    ),
  },
  { key: 'etcd', title: 'etcd', cell: (row) => <Etcd member={row} /> },
  { key: 'version', title: 'Version', cell: (row) => <span className={css.number}>{row.version}</span> },
]

function Chain({ member }: { member: ClusterMember }) {
  if (member.self) return <span className="hf-code">{member.chain.slice(0, 8)}</span>
  if (member.state === 'unreachable') return <span className="hf-subtle">not heard</span>
  if (member.chainAgrees === null) return <span className="hf-subtle">not yet</span>
  return member.chainAgrees ? (
    <StatusLabel status="ok">Agrees</StatusLabel>
  ) : (
    <StatusLabel status="alert">Differs</StatusLabel>
  )
}

function Etcd({ member }: { member: ClusterMember }) {
  const { etcd } = member
  if (etcd === null) return <span className="hf-subtle">no answer</span>
  return etcd.healthy ? <StatusLabel status="ok" /> : <StatusLabel status="alert">Not well</StatusLabel>
}

function MemberFacts({ member }: { member: ClusterMember }) {
  const { etcd } = member
  return (
    <Facts
      label={`More about ${member.name}`}
      facts={[
        { term: 'State', value: `${stateWords[member.state]}: ${stateMeanings[member.state]}` },
        { term: 'Node id', value: <CopyableText text={member.nodeId} label="node id" isWrapped /> },
        { term: 'Site', value: member.site },
        { term: 'Address', value: member.address },
        {
          term: 'Open it at',
          value: member.url !== null && (
            <a href={member.url} className="hf-code hf-code-wrap">
              {member.url}
            </a>
          ),
        },
        {
          term: 'Log',
          value: `applied ${formatNumber(member.index)} · on disk ${formatNumber(member.durableIndex)}`,
        },
        {
          term: 'State chain',
          value: member.chain !== '' && <CopyableText text={member.chain} label="state chain" isWrapped />,
        },
        { term: 'Started', value: <RelativeTime at={member.startedAt} never="not known" /> },
        { term: 'Last heard', value: !member.self && <RelativeTime at={member.lastSeenAt} /> },
        {
          term: 'etcd',
          value:
            etcd !== null &&
            `${etcd.version} · database ${formatBytes(etcd.databaseBytes)}, ${formatBytes(etcd.databaseInUseBytes)} in use · memory ${formatBytes(etcd.rssBytes)}${etcd.commitMs === null ? '' : ` · last write agreed on in ${formatMs(etcd.commitMs)}`}`,
        },
      ]}
    />
  )
}
