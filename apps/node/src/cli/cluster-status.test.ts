import type { ClusterMember, ClusterView } from '@holdfast/api/cluster-services'
import { expect, test } from 'vitest'
import { addressAndPort } from './cluster.ts'
import { carriedOut, findMember } from './cluster-common.ts'
import { planLines } from './cluster-recover.ts'
import { statusLines } from './cluster-status.ts'
import { UsageError } from './errors.ts'

const now = 1_800_000_000_000

function member(name: string, change: Partial<ClusterMember> = {}): ClusterMember {
  return {
    nodeId: `n_${name}`,
    name,
    site: 'main',
    address: '10.0.0.1',
    url: null,
    self: false,
    leader: false,
    state: 'online',
    version: '1.0.0',
    index: 1200,
    durableIndex: 1199,
    lag: 0,
    chain: 'abcdef0123456789',
    chainAgrees: true,
    clockSkewMs: 150,
    lastSeenAt: now,
    startedAt: now,
    etcd: {
      healthy: true,
      problem: null,
      version: '3.5.16',
      databaseBytes: 2_000_000,
      databaseInUseBytes: 1,
      rssBytes: 1,
      commitMs: 7,
    },
    ...change,
  }
}

const view: ClusterView = {
  mode: 'cluster',
  nodeId: 'n_one',
  generation: '1',
  leader: 'n_two',
  term: 4,
  voters: 3,
  quorum: 2,
  reachableVoters: 3,
  writable: true,
  reason: null,
  commonVersion: '1.0.0',
  members: [
    member('one', { self: true, chainAgrees: null }),
    member('two', { leader: true }),
    member('three', { lag: 38, index: 1162 }),
  ],
  invitations: [],
}

test('the state of a cluster reads at a glance', () => {
  expect(statusLines(view, now)).toEqual([
    'Writing: 3 of 3 voters there, 2 needed, 1 more may fail; led by two in term 4.',
    'NODE   ROLE      STATE   ADDRESS   INDEX  ON DISK  LAG  CHAIN      CLOCK  VERSION  ETCD',
    'one *  follower  online  10.0.0.1   1200     1199    0  abcdef01       -  1.0.0    ok 3.5.16, 7 ms, 1.9 MB',
    'two    leader    online  10.0.0.1   1200     1199    0  agrees    +0.1 s  1.0.0    ok 3.5.16, 7 ms, 1.9 MB',
    'three  follower  online  10.0.0.1   1162     1199   38  agrees    +0.1 s  1.0.0    ok 3.5.16, 7 ms, 1.9 MB',
  ])
})

test('what is wrong stands below the table, a line each', () => {
  const lost = statusLines(
    {
      ...view,
      writable: false,
      reachableVoters: 1,
      leader: null,
      reason: 'There is no majority.',
      members: [
        view.members[0]!,
        member('two', { state: 'unreachable', etcd: null, lastSeenAt: now - 600_000 }),
        member('three', { clockSkewMs: -90_000, version: '2.0.0' }),
      ],
    },
    now,
  )
  expect(lost[0]).toBe('READ-ONLY: 1 of 3 voters there, 2 needed; without a leader. There is no majority.')
  expect(lost.slice(5)).toEqual([
    'two: last heard 10m ago',
    "three: its clock is -90.0 s off this node's; set whichever is wrong",
    'three: runs 2.0.0 while others run 1.0.0',
  ])
})

test('of two nodes that differ it says what to do, of one that restores itself that nothing is', () => {
  const [own] = view.members
  const lines = (change: Partial<ClusterMember>) =>
    statusLines({ ...view, voters: 2, members: [own!, member('two', change)] }, now).slice(4)
  expect(lines({ chainAgrees: false })).toEqual([
    expect.stringMatching(/^two: its state differs .*both serve.*audit verify.*cluster remove/),
  ])
  expect(lines({ chainAgrees: false, state: 'diverged' })).toEqual([
    'two: its state is taken from another node; it serves nobody until then',
  ])
})

test('a change says who did it, and through whom', () => {
  const by = { nodeId: 'n_two', nodeName: 'two', forwarded: true }
  expect(carriedOut(by, view)).toBe('done by two (leader), asked through one')
  expect(carriedOut({ ...by, forwarded: false }, view)).toBe('done by two (leader)')
})

test('members go by name or id, and an unknown one is answered with those there are', () => {
  expect(findMember(view, 'two')).toBe(view.members[1])
  expect(findMember(view, 'n_three')).toBe(view.members[2])
  expect(() => findMember(view, 'four')).toThrow(/no member called four.*one, two, three/)
})

test('addresses are read with and without a port', () => {
  expect(addressAndPort('10.0.0.2')).toEqual({ address: '10.0.0.2', port: 7443 })
  expect(addressAndPort('node-2.lan:8443')).toEqual({ address: 'node-2.lan', port: 8443 })
  expect(addressAndPort('[fd00::2]:7444')).toEqual({ address: 'fd00::2', port: 7444 })
  for (const text of ['', 'a b', '10.0.0.2:99999', 'https://x'])
    expect(() => addressAndPort(text)).toThrow(UsageError)
})

test('a plan of recovery names what is lost', () => {
  const survivor = { nodeId: 'n_one', name: 'one', index: 90, reachable: true, self: true, lastSeenAt: now }
  const lines = planLines(
    {
      possible: true,
      reason: 'Nobody else answers.',
      index: 90,
      survivors: [
        survivor,
        { ...survivor, name: 'two', index: 97, reachable: false, self: false, lastSeenAt: now - 60_000 },
      ],
      knownLoss: 7,
      warning: 'And what nobody knows of.',
    },
    now,
  )
  expect(lines).toEqual([
    'Nobody else answers.',
    'NODE   REACHED  NEWEST ENTRY  LAST SEEN',
    'one *  yes                90          -',
    'two    no                 97         1m',
    '7 entries that others are known to have had would be LOST.',
    'And what nobody knows of.',
  ])
})
