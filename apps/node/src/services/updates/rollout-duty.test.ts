/**
 * An update of a cluster over the real state machine, with real duties at every node; the machines are stood in for. Calls
 * are lost, answers are lost, leaders fall at any step, a node does not get healthy.
 */
import { HoldfastError } from '@holdfast/api/contract/errors'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { TestLog } from '../../log/log-fixture.ts'
import { type Rollout, rolloutOf, rolloutTransitions } from './rollout.ts'
import { RolloutDuty } from './rollout-duty.ts'
import type { MemberState } from './rollout-member.ts'

const bundle = 'a'.repeat(64)
const names = ['n_a', 'n_b', 'n_c'] as const
type Name = (typeof names)[number]
const to = '0.2.0'
/** More ticks than any schedule of faults needs. */
const maxTicks = 400

interface Fault {
  /** At this call, counted over all, something happens. */
  at: number
  kind: 'lost-call' | 'lost-answer' | 'leader-falls' | 'node-down'
}

/** A machine with a daemon and root's installer, which takes some ticks. */
class Machine {
  version = '0.1.0'
  has: 'none' | 'fetching' | 'ready' = 'none'
  run: { id: string; state: 'waiting' | 'updated' | 'failed' } | null = null
  asked = 0
  left = 0
  down = 0
  readonly healthy: boolean

  constructor(healthy: boolean) {
    this.healthy = healthy
  }

  tick(): void {
    if (this.down > 0) this.down -= 1
    if (this.has === 'fetching') this.has = 'ready'
    if (this.run?.state !== 'waiting') return
    this.left -= 1
    // It is away in the middle of it.
    if (this.left === 2) this.down = 2
    if (this.left > 0) return
    this.run = { ...this.run, state: this.healthy ? 'updated' : 'failed' }
    if (this.healthy) this.version = to
    this.has = 'none'
  }

  answer(op: string, payload: { id: string }): MemberState | null {
    if (op === 'update.fetch') {
      if (this.has === 'none') this.has = 'fetching'
      return null
    }
    if (op === 'update.ask') {
      if (this.run?.id === payload.id) return null
      if (this.has !== 'ready') throw new HoldfastError('conflict', 'This node does not have the bundle yet.')
      this.asked += 1
      this.run = { id: payload.id, state: 'waiting' }
      this.left = 4
      return null
    }
    const run = this.run?.id === payload.id ? this.run.state : 'none'
    const reason = run === 'failed' ? 'it did not get healthy' : null
    return {
      version: this.version,
      installs: true,
      bundle: { state: this.has, reason: null },
      run: { state: run, reason },
    }
  }
}

class Cluster implements AsyncDisposable {
  readonly log: TestLog
  readonly machines: Record<Name, Machine>
  leader: Name = 'n_c'
  calls = 0
  /** The most that were away, or being updated, at once. */
  mostAway = 0
  /** Why nobody takes the lead over; null: somebody does. */
  staysLeader: string | null = null
  readonly #faults: readonly Fault[]
  readonly #duties: Record<Name, RolloutDuty>

  readonly #waitPatienceMs: number

  private constructor(log: TestLog, faults: readonly Fault[], sick: Name | null, waitPatienceMs: number) {
    this.log = log
    this.#waitPatienceMs = waitPatienceMs
    this.#faults = faults
    const each = <T>(make: (name: Name) => T) =>
      Object.fromEntries(names.map((name) => [name, make(name)])) as Record<Name, T>
    this.machines = each((name) => new Machine(name !== sick))
    this.#duties = each((name) => this.#duty(name))
  }

  static async start(
    faults: readonly Fault[],
    sick: Name | null = null,
    waitPatienceMs = Number.POSITIVE_INFINITY,
  ): Promise<Cluster> {
    const log = await TestLog.start()
    for (const [n, name] of names.entries()) {
      await log.control('invitation.create', { id: `iv_${n}`, hash: `hash${n}`, lifeMs: 60_000 })
      const where = { address: `10.0.0.${n + 1}`, httpsPort: 1, peerPort: 2, raftPort: 3 }
      await log.control('node.add', { id: name, name, version: '0.1.0', ...where, invitation: `hash${n}` })
    }
    return new Cluster(log, faults, sick, waitPatienceMs)
  }

  #duty(nodeId: Name): RolloutDuty {
    const { directory, proposer, clock, logger } = this.log
    return new RolloutDuty({
      ...{ nodeId, directory, logger },
      monotonic: () => clock.monotonic(),
      waitPatienceMs: this.#waitPatienceMs,
      leads: () => this.leader === nodeId,
      // Whoever fell in the middle of a tick writes nothing more.
      proposer: {
        propose: async (...args) => {
          if (this.leader !== nodeId) throw new HoldfastError('no-quorum', 'another one leads')
          return await proposer.propose(...args)
        },
      },
      handOver: async () => {
        if (this.staysLeader !== null) throw new Error(this.staysLeader)
        this.moveLeader()
      },
      call: async (to, op, payload) => await this.#call(nodeId, to as Name, op, payload as { id: string }),
      whyNotSpare: () => (names.some((name) => this.machines[name].down > 0) ? 'one is away' : null),
    })
  }

  async #call(from: Name, to: Name, op: string, payload: { id: string }): Promise<unknown> {
    this.calls += 1
    const fault = this.#faults.find(({ at }) => at === this.calls)?.kind
    if (fault === 'leader-falls') this.moveLeader()
    if (fault === 'node-down') this.machines[to].down = 3
    if (this.leader !== from) throw new HoldfastError('no-quorum', 'this node fell')
    if (fault === 'lost-call' || this.machines[to].down > 0) throw new Error('it does not answer')
    const answer = this.machines[to].answer(op, payload)
    if (fault === 'lost-answer') throw new Error('it does not answer')
    return answer
  }

  moveLeader(): void {
    const others = names.filter((name) => name !== this.leader)
    this.leader = others.find((name) => this.machines[name].down === 0) ?? (others[0] as Name)
  }

  get rollout(): Rollout {
    const rollout = rolloutOf(this.log.directory)
    if (rollout === null) throw new Error('no update of the cluster was begun')
    return rollout
  }

  async begin(id = 'up_1'): Promise<void> {
    this.machines.n_a.has = 'ready'
    await this.log.control('rollout.begin', {
      ...{
        id,
        bundle,
        bytes: 10,
        version: to,
        source: 'n_a',
        by: 'ingrid',
        again: false,
        allowPause: false,
      },
      nodes: [...names],
    })
  }

  async tick(): Promise<void> {
    for (const name of names) await this.#duties[name].tick()
    for (const name of names) this.machines[name].tick()
    // A leader that is away is succeeded.
    if (this.machines[this.leader].down > 0) this.moveLeader()
  }

  /** Until it is over. */
  async run(): Promise<void> {
    for (let tick = 0; tick < maxTicks; tick += 1) {
      if (!['running', 'stopping'].includes(this.rollout.state)) return
      await this.tick()
      const updating = names.filter((name) => this.machines[name].run?.state === 'waiting').length
      this.mostAway = Math.max(this.mostAway, updating)
    }
    throw new Error(`it did not end in ${maxTicks} ticks: ${JSON.stringify(this.rollout)}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.log[Symbol.asyncDispose]()
  }
}

const states = (rollout: Rollout) => rollout.nodes.map(({ state }) => state)

test('every node is updated, one at a time, the leader last, each asked once', async () => {
  await using cluster = await Cluster.start([])
  await cluster.begin()
  await cluster.run()
  expect(cluster.rollout).toMatchObject({ state: 'done', reason: null })
  expect(cluster.mostAway).toBe(1)
  expect(names.map((name) => cluster.machines[name].asked)).toEqual([1, 1, 1])
  expect(cluster.leader).not.toBe('n_c')
  const actions = cluster.log.db.prepare(
    "SELECT action FROM audit_event WHERE action LIKE 'update.%' ORDER BY seq",
  )
  expect(actions.pluck().all()).toEqual([
    'update.rollout-begun',
    ...names.flatMap(() => ['update.rollout-asked', 'update.rollout-updated']),
    'update.rollout-done',
  ])
})

test('a node that does not get healthy stops it: those behind it keep their version', async () => {
  await using cluster = await Cluster.start([], 'n_b')
  await cluster.begin()
  await cluster.run()
  expect(states(cluster.rollout)).toEqual(['updated', 'failed', 'waiting'])
  expect(cluster.rollout).toMatchObject({ state: 'stopped', reason: 'n_b: it did not get healthy' })
  expect(cluster.machines.n_c.asked).toBe(0)
  // What was mended can be begun again; who has the version already is left in peace.
  await cluster.log.control('rollout.begin', {
    ...{
      id: 'up_2',
      bundle,
      bytes: 10,
      version: to,
      source: 'n_c',
      by: 'ingrid',
      again: true,
      allowPause: false,
    },
    nodes: [...names],
  })
  cluster.machines.n_c.has = 'ready'
  Object.assign(cluster.machines.n_b, { healthy: true })
  await cluster.run()
  expect(cluster.rollout.state).toBe('done')
  expect(cluster.machines.n_a.asked).toBe(1)
})

test('it can be stopped: the node that was asked comes to its end, and no other is asked', async () => {
  await using cluster = await Cluster.start([])
  await cluster.begin()
  await cluster.log.control('rollout.step', { id: 'up_1', node: 'n_a', event: 'ask', reason: null })
  await cluster.log.control('rollout.stop', { id: 'up_1', reason: 'ingrid stopped it' })
  expect(cluster.rollout.state).toBe('stopping')
  await cluster.run()
  expect(states(cluster.rollout)).toEqual(['updated', 'waiting', 'waiting'])
  expect(cluster.rollout).toMatchObject({ state: 'stopped', reason: 'ingrid stopped it' })
})

test('what it waits for is told, not at the first moment, and no longer than it lasts', async () => {
  await using cluster = await Cluster.start([])
  await cluster.begin()
  cluster.machines.n_b.down = 1_000
  await cluster.tick()
  expect(cluster.rollout.waits).toBeNull()
  cluster.log.clock.advance(5_000)
  await cluster.tick()
  expect(cluster.rollout).toMatchObject({ state: 'running', waits: 'n_b does not answer' })
  cluster.machines.n_b.down = 0
  await cluster.run()
  expect(cluster.rollout).toMatchObject({ state: 'done', waits: null })
})

test('what it waits for stops it when it lasts', async () => {
  await using cluster = await Cluster.start([], null, 20 * 60_000)
  await cluster.begin()
  cluster.machines.n_b.down = 1_000
  await cluster.tick()
  cluster.log.clock.advance(20 * 60_000)
  await cluster.tick()
  expect(cluster.rollout).toMatchObject({ state: 'stopped', reason: 'n_b does not answer', waits: null })
})

test('a node that is taken out while it waits ends it at once', async () => {
  await using cluster = await Cluster.start([])
  await cluster.begin()
  cluster.machines.n_b.down = 1_000
  await cluster.log.control('node.remove', { id: 'n_b', reason: 'removed by an administrator' })
  await cluster.tick()
  expect(cluster.rollout).toMatchObject({
    state: 'stopped',
    reason: 'n_b: it is no member of the cluster any more',
  })
})

test('how long one update waited, or another leader led, does not count for the next', async () => {
  await using cluster = await Cluster.start([], null, 20 * 60_000)
  await cluster.begin()
  cluster.machines.n_b.down = 1_000
  await cluster.tick()
  await cluster.log.control('rollout.stop', { id: 'up_1', reason: 'ingrid stopped it' })
  cluster.log.clock.advance(20 * 60_000)
  await cluster.begin('up_2')
  await cluster.tick()
  expect(cluster.rollout.state).toBe('running')
  cluster.moveLeader()
  await cluster.tick()
  cluster.log.clock.advance(20 * 60_000)
  cluster.leader = 'n_c'
  await cluster.tick()
  expect(cluster.rollout.state).toBe('running')
})

test('a leader that nobody takes over from waits for that, and tells it', async () => {
  await using cluster = await Cluster.start([], null, 20 * 60_000)
  cluster.leader = 'n_a'
  cluster.staysLeader = 'etcd has no other leader'
  await cluster.begin()
  for (const _ of names) await cluster.tick()
  cluster.log.clock.advance(5_000)
  await cluster.tick()
  expect(cluster.rollout.waits).toBe('n_a leads, and nobody takes over from it')
  cluster.log.clock.advance(20 * 60_000)
  await cluster.tick()
  expect(cluster.rollout).toMatchObject({ state: 'stopped' })
})

test('a node that comes to no end is given up, by the time that its leader sees it go by', async () => {
  await using cluster = await Cluster.start([])
  await cluster.begin()
  await cluster.log.control('rollout.step', { id: 'up_1', node: 'n_a', event: 'ask', reason: null })
  cluster.machines.n_a.down = 1_000
  await cluster.tick()
  cluster.log.clock.advance(44 * 60_000)
  await cluster.tick()
  cluster.leader = 'n_b'
  await cluster.tick()
  cluster.log.clock.advance(2 * 60_000)
  await cluster.tick()
  expect(cluster.rollout.state).toBe('running')
  cluster.log.clock.advance(44 * 60_000)
  await cluster.tick()
  expect(cluster.rollout).toMatchObject({
    state: 'stopped',
    reason: 'n_a: it did not come to an end in 45 minutes',
  })
})

test('whatever is lost and whoever falls, it ends; one node at a time is away, and none is asked twice', async () => {
  const kinds = fc.constantFrom<Fault['kind']>('lost-call', 'lost-answer', 'leader-falls', 'node-down')
  const faults = fc.array(fc.record({ at: fc.integer({ min: 1, max: 60 }), kind: kinds }), { maxLength: 12 })
  const ends = new Set<string>()
  await fc.assert(
    fc.asyncProperty(faults, fc.constantFrom<Name | null>(...names, null, null), async (schedule, sick) => {
      await using cluster = await Cluster.start(schedule, sick)
      await cluster.begin()
      await cluster.run()
      const { state, nodes } = cluster.rollout
      ends.add(state)
      expect(cluster.mostAway).toBe(1)
      for (const name of names) expect(cluster.machines[name].asked).toBeLessThanOrEqual(1)
      expect(state).toBe(sick === null ? 'done' : 'stopped')
      for (const { id, state: of } of nodes)
        expect(cluster.machines[id as Name].version).toBe(of === 'updated' ? to : '0.1.0')
    }),
    { numRuns: 25 },
  )
  expect([...ends].toSorted()).toEqual(['done', 'stopped'])
})

test('the state machine refuses what would take two nodes away, whoever proposes it', async () => {
  await using cluster = await Cluster.start([])
  await cluster.begin()
  const step = (node: string, event: string) =>
    cluster.log.control('rollout.step', { id: 'up_1', node, event, reason: null })
  await step('n_a', 'ask')
  await expect(step('n_b', 'ask')).rejects.toMatchObject({ code: 'conflict' })
  await expect(step('n_a', 'ask')).rejects.toMatchObject({ code: 'conflict' })
  await expect(cluster.begin()).rejects.toMatchObject({ code: 'conflict' })
  await expect(cluster.log.control('rollout.stop', { id: 'up_0', reason: 'x' })).rejects.toMatchObject({
    code: 'conflict',
  })
  for (const [state, events] of Object.entries(rolloutTransitions))
    if (state === 'updated' || state === 'failed') expect(Object.values(events)).toEqual([null, null, null])
})
