'use client'

import type { ClusterMember, ClusterView } from '@holdfast/api/cluster-services'
import { formatNumber } from '../../lib/format.ts'
import css from './cluster.module.css'
import { nameOf, stateWords } from './verdict.ts'

const width = 260
const height = 200
/** Wider than high, so that the names have room beside each other. */
const ringRadius = { x: 88, y: 68 }
const nodeRadius = 21
/** The arc around a member is full when it has everything; this many entries behind leave it empty. */
const lagSpan = 1000
/** Height of a name below its member. */
const nameRoom = 12
const shownLetters = 14

/** The members on a ring: the leader in the middle of its lines, who lags by how full his circle is. */
export function ClusterRing({ view }: { view: ClusterView }) {
  // One alone stands in the middle.
  const radius = view.members.length > 1 ? ringRadius : { x: 0, y: 0 }
  const places = view.members.map((member, index) => {
    const angle = (index / view.members.length) * 2 * Math.PI - Math.PI / 2
    return {
      member,
      x: width / 2 + radius.x * Math.cos(angle),
      y: height / 2 + radius.y * Math.sin(angle) - nameRoom / 2,
    }
  })
  const leader = places.find(({ member }) => member.nodeId === view.leader)
  return (
    <svg className={css.ring} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={describe(view)}>
      {leader !== undefined &&
        places
          .filter(({ member }) => member.nodeId !== view.leader)
          .map(({ member, x, y }) => (
            <line
              key={member.nodeId}
              className={css.link}
              data-state={member.state}
              x1={leader.x}
              y1={leader.y}
              x2={x}
              y2={y}
            />
          ))}
      {places.map((place) => (
        <Member key={place.member.nodeId} {...place} isLeader={place.member.nodeId === view.leader} />
      ))}
    </svg>
  )
}

interface MemberProps {
  member: ClusterMember
  x: number
  y: number
  isLeader: boolean
}

function Member({ member, x, y, isLeader }: MemberProps) {
  const share = member.state === 'unreachable' ? 0 : Math.max(0, 1 - member.lag / lagSpan)
  const length = 2 * Math.PI * nodeRadius
  return (
    <g className={css.member} data-state={member.state}>
      <title>{`${member.name}: ${describeMember(member, isLeader)}`}</title>
      <circle className={css.disc} cx={x} cy={y} r={nodeRadius} />
      <circle
        className={css.arc}
        cx={x}
        cy={y}
        r={nodeRadius}
        strokeDasharray={`${share * length} ${length}`}
        transform={`rotate(-90 ${x} ${y})`}
      />
      <text className={css.mark} x={x} y={y} dominantBaseline="central" textAnchor="middle">
        {isLeader ? '★' : marks[member.state]}
      </text>
      <text className={css.name} x={x} y={y + nodeRadius + 13} textAnchor="middle">
        {shortName(member.name)}
      </text>
    </g>
  )
}

/** Cut in the middle, because names of nodes often differ at their ends. */
function shortName(name: string): string {
  if (name.length <= shownLetters) return name
  const half = Math.floor(shownLetters / 2)
  return `${name.slice(0, half)}…${name.slice(1 - half)}`
}

/** The state again as a sign, so that it is never told by colour alone. */
const marks: Record<ClusterMember['state'], string> = {
  online: '✓',
  joining: '+',
  restoring: '↓',
  diverged: '≠',
  unreachable: '✕',
}

function describeMember(member: ClusterMember, isLeader: boolean): string {
  const lag = member.lag > 0 ? `, ${formatNumber(member.lag)} entries behind` : ''
  return `${isLeader ? 'leader, ' : ''}${stateWords[member.state].toLowerCase()}${lag}`
}

function describe(view: ClusterView): string {
  const members = view.members.map(
    (member) => `${member.name} ${describeMember(member, member.nodeId === view.leader)}`,
  )
  return `Members: ${members.join('; ')}. ${nameOf(view, view.leader) ?? 'Nobody'} leads.`
}
