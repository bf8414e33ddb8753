import type { ClusterMember, ClusterView } from '@holdfast/api/cluster-services'
import { quorumOf } from '@holdfast/api/contract/quorum'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { joinStep } from './join-steps.ts'
import { checkPlace, parsePlace } from './place.ts'
import { faultsOf, formatSkew, verdictOf } from './verdict.ts'
import { waitingNodes } from './waiting-nodes.ts'

function member(name: string, change: Partial<ClusterMember> = {}): ClusterMember {
  return {
    nodeId: `id-${name}`,
    name,
    site: 'main',
    address: '10.0.0.1',
    url: null,
    self: false,
    leader: false,
    state: 'online',
    version: '1.0.0',
    index: 10,
    durableIndex: 10,
    lag: 0,
    chain: 'ab',
    chainAgrees: true,
    clockSkewMs: 0,
    lastSeenAt: 1,
    startedAt: 1,
    etcd: null,
    ...change,
  }
}

function cluster(members: ClusterMember[], change: Partial<ClusterView> = {}): ClusterView {
  const voters = members.filter((each) => each.state !== 'joining').length
  const reachableVoters = members.filter(
    (each) => each.state !== 'joining' && each.state !== 'unreachable',
  ).length
  return {
    mode: 'cluster',
    nodeId: 'id-a',
    generation: 'g',
    leader: 'id-a',
    term: 1,
    voters,
    quorum: quorumOf(voters),
    reachableVoters,
    writable: reachableVoters >= quorumOf(voters),
    reason: null,
    commonVersion: '1.0.0',
    members,
    invitations: [],
    ...change,
  }
}

describe('the verdict on a cluster', () => {
  it('is good only with every voter there, in one state, and one to spare', () => {
    const three = [member('a'), member('b'), member('c')]
    expect(verdictOf(cluster(three)).look).toBe('success')
    expect(verdictOf(cluster(three.slice(0, 2))).look).toBe('warning')
    expect(verdictOf(cluster([three[0]!, three[1]!, member('c', { clockSkewMs: 60_000 })])).look).toBe(
      'warning',
    )
  })

  it('calls out what is worst', () => {
    const lost = cluster([
      member('a'),
      member('b', { state: 'unreachable' }),
      member('c', { state: 'unreachable' }),
    ])
    expect(verdictOf(lost).title).toContain('Read-only')
    const fragile = cluster([member('a'), member('b'), member('c', { state: 'unreachable' })])
    expect(verdictOf(fragile)).toMatchObject({ look: 'danger', title: '1 voter cannot be reached' })
    const diverged = cluster([member('a'), member('b'), member('c', { state: 'diverged' })])
    expect(verdictOf(diverged).title).toContain('another state')
    const undecided = cluster([member('a', { self: true }), member('b', { chainAgrees: false })])
    expect(verdictOf(undecided)).toMatchObject({ look: 'danger', title: 'b and a hold different states' })
  })

  it('names every fault of a member once', () => {
    const view = cluster([member('a')])
    expect(faultsOf(view, member('a'))).toEqual([])
    const bad = member('b', { version: '2.0.0', clockSkewMs: -90_000, chainAgrees: false })
    expect(faultsOf(view, bad)).toHaveLength(3)
  })

  it('shows a clock difference with its sign', () => {
    expect([0, 40, -400, 64_000].map(formatSkew)).toEqual(['+0.0 s', '+0.0 s', '−0.4 s', '+64 s'])
  })
})

it('a node that joins goes through its steps', () => {
  const at = (state?: ClusterMember['state']) =>
    joinStep(cluster(state === undefined ? [] : [member('n', { state })]), 'n')
  expect(
    [undefined, 'unreachable', 'joining', 'restoring', 'online'].map((state) => at(state as never)),
  ).toEqual([0, 1, 1, 2, 4])
})

it('nodes that wait for their set-up are listed once, with all their addresses', () => {
  const peer = {
    nodeId: 'p',
    name: 'new',
    facility: '',
    addresses: ['10.0.0.9'],
    port: 7443,
    origin: 'mdns',
    verified: true,
    lastSeenAt: 5,
    self: false,
    setUp: false,
  }
  const found = waitingNodes([
    peer,
    { ...peer, origin: 'beacon', addresses: ['10.0.0.9', 'fd00::9'], lastSeenAt: 7 },
    { ...peer, nodeId: 'q', setUp: true },
    { ...peer, nodeId: 's', self: true },
  ])
  expect(found).toMatchObject([{ key: 'p', addresses: ['10.0.0.9', 'fd00::9'], lastSeenAt: 7 }])
})

describe('the address of a new node', () => {
  it('is read as people write it', () => {
    expect(parsePlace('10.0.0.2')).toEqual({ address: '10.0.0.2', port: 7443 })
    expect(parsePlace(' https://node-2.lan:8443/setup ')).toEqual({ address: 'node-2.lan', port: 8443 })
    expect(parsePlace('[fd00::2]:7444')).toEqual({ address: 'fd00::2', port: 7444 })
    expect(parsePlace('fd00::2')).toEqual({ address: 'fd00::2', port: 7443 })
  })

  it('is refused with a word when it is none, whatever it is', () => {
    for (const text of ['', 'a b', '10.0.0.2:99999', '[fd00::2', 'x'.repeat(300)])
      expect(checkPlace(text)).not.toBeNull()
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), (text) => {
        expect(parsePlace(text) === null).toBe(checkPlace(text) !== null)
      }),
    )
  })
})
