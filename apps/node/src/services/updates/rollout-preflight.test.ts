import { expect, test } from 'vitest'
import { quorum } from '../../appliance/preflight.ts'
import { type AskedMember, memberFindings, troubleOf, whyNotSpare } from './rollout-preflight.ts'

const well = (name: string, change: Partial<AskedMember> = {}): AskedMember => ({
  ...{ name, isThere: true, isOnline: true, lag: 0, votes: true },
  machine: { version: '0.1.0', installs: true },
  ...change,
})

test('members that are there, up to date and voting keep nobody waiting', () => {
  expect(memberFindings([well('n2'), well('n3')], '0.2.0')).toEqual([
    { check: 'members', level: 'ok', found: 'n2, n3: there and up to date', mend: null },
  ])
  expect(
    memberFindings([well('n2', { machine: { version: '0.2.0', installs: true } })], '0.2.0'),
  ).toMatchObject([{ level: 'ok' }])
  expect(memberFindings([], '0.2.0')).toEqual([])
})

test.each<[string, Partial<AskedMember>, string, string]>([
  ['dead', { isThere: false, isOnline: false, machine: null }, 'n3 is not there.', 'cluster remove n3'],
  ['restoring', { isOnline: false }, 'n3 takes its state from another node.', 'Wait'],
  ['behind', { lag: 1_001 }, 'n3 has not caught up.', 'Wait'],
  ['a learner', { votes: false }, 'n3 does not vote yet.', 'Wait'],
  ['cut off from here', { machine: null }, 'n3 does not answer.', '7444/tcp'],
  ['a container', { machine: { version: '0.1.0', installs: false } }, 'n3 installs no bundles', 'one by one'],
  ['newer', { machine: { version: '0.3.0', installs: true } }, 'n3 runs 0.3.0 already', 'newer one'],
])(
  'a member that is %s stops an update before it begins, by name and with what to do',
  (_, change, found, mend) => {
    const [finding, ...more] = memberFindings([well('n2'), well('n3', change)], '0.2.0')
    expect(more).toEqual([])
    expect(finding).toMatchObject({ check: 'members', level: 'stop' })
    expect(finding?.found).toContain(found)
    expect(finding?.mend).toContain(mend)
  },
)

test('every member that keeps an update from beginning is named', () => {
  const findings = memberFindings([well('n2', { isThere: false }), well('n3', { votes: false })], '0.2.0')
  expect(findings.map(({ found }) => found)).toEqual(['n2 is not there.', 'n3 does not vote yet.'])
})

test('a node is spared when a majority stays, and of two when a pause is allowed and both are there', () => {
  const spare = (others: AskedMember[], voters: number, healthy: number, allowPause: boolean) =>
    whyNotSpare(others, { voters, healthy }, { name: 'n1', allowPause })
  expect(spare([well('n2'), well('n3')], 3, 3, false)).toBeNull()
  expect(spare([well('n2'), well('n3')], 3, 2, true)).toBe(
    'without n1 1 of 3 nodes would be left, too few to go on',
  )
  expect(spare([well('n2')], 2, 2, false)).toContain('1 of 2')
  expect(spare([well('n2')], 2, 2, true)).toBeNull()
  expect(spare([well('n2', { isThere: false })], 2, 1, true)).toBe('n2 is not there')
  expect(troubleOf(well('n2', { lag: 1_000 }))).toBeNull()
})

test('two nodes ask for a confirmation; one that is alone in its cluster does not need more than itself', () => {
  expect(quorum({ voters: 2, healthy: 2 })).toMatchObject({ level: 'confirm' })
  expect(quorum({ voters: 2, healthy: 1 })).toMatchObject({ level: 'stop' })
  expect(quorum({ voters: 3, healthy: 3 })).toMatchObject({ level: 'ok' })
  expect(quorum({ voters: 3, healthy: 2 })).toMatchObject({ level: 'stop' })
  // Regression: a cluster of one was told that nothing would be left of it, and could never be updated.
  expect(quorum({ voters: 1, healthy: 1 })).toEqual(quorum(null))
})
