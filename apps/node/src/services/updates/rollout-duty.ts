/**
 * What the leader does for an update of the whole cluster, once a second:
 *
 *   1 every node that waits gets the bundle · 2 when all have it, and the cluster can spare one, the next one is asked; a
 *   leader whose turn it is hands over first · 3 the one that was asked is looked at until it is updated or has failed
 *
 * Each step is in the log before it is taken, and asking twice does nothing twice: another leader goes on from there.
 */
import { rolloutPatienceMinutes } from '@holdfast/api/contract/update-inputs'
import type { Proposer } from '../../log/proposer.ts'
import type { Logger } from '../../platform/logger.ts'
import { systemActor } from '../../state/commands.ts'
import type { Directory } from '../../state/directory.ts'
import { isUnderWay, type Rollout, type RolloutEvent, type RolloutNode, rolloutOf } from './rollout.ts'
import { type MemberState, memberStateSchema } from './rollout-member.ts'

const tickMs = 1_000
const callMs = 5_000
/** A node that was asked is given so long: installing, a trial, going back, each on a slow machine; counted anew by every leader. */
const nodePatienceMs = 45 * 60_000
/** Until every node has the bundle, or the cluster can spare one; counted anew by every leader. */
const waitPatienceMs = rolloutPatienceMinutes * 60_000
/** What is over sooner needs nobody, and no entry in the log. */
const tellAfterMs = 5_000
const noMember = 'it is no member of the cluster any more'

export interface RolloutDutyOptions {
  nodeId: string
  directory: Pick<Directory, 'setting' | 'nodes'>
  proposer: Pick<Proposer, 'propose'>
  leads: () => boolean
  /** Makes another node the leader. */
  handOver: () => Promise<void>
  /** Asks a node, this one too. */
  call: (nodeId: string, op: string, payload: unknown, timeoutMs: number) => Promise<unknown>
  /** Why the cluster cannot spare a node now; null: it can. */
  whyNotSpare: (nodeId: string, allowPause: boolean) => string | null
  monotonic: () => number
  logger: Pick<Logger, 'debug' | 'info' | 'warn'>
  waitPatienceMs?: number
}

export class RolloutDuty {
  readonly #o: RolloutDutyOptions
  #timer: NodeJS.Timeout | null = null
  #busy = false
  /** Since when this node, as the leader, has waited for what it waits for now. */
  #waiting: { what: string; since: number } | null = null

  constructor(options: RolloutDutyOptions) {
    this.#o = options
  }

  start(): void {
    this.#timer = setInterval(() => void this.tick(), tickMs)
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer)
    this.#timer = null
  }

  /** Never rejects: what could not be done is done by the next tick, or by another leader. */
  async tick(): Promise<void> {
    const rollout = rolloutOf(this.#o.directory)
    if (this.#busy) return
    if (!this.#o.leads() || !isUnderWay(rollout)) {
      this.#waiting = null
      return
    }
    this.#busy = true
    try {
      const asked = rollout.nodes.find(({ state }) => state === 'asked')
      if (asked !== undefined) await this.#look(rollout, asked)
      else await this.#next(rollout)
    } catch (error) {
      this.#o.logger.debug(
        { err: error },
        'a step of the update of the cluster was not done; it is tried again',
      )
    } finally {
      this.#busy = false
    }
  }

  /** 3 */
  async #look(rollout: Rollout, asked: RolloutNode): Promise<void> {
    if (!this.#isMember(asked)) return await this.#step(rollout, asked, 'fail', noMember)
    const state = await this.#stateOf(rollout, asked)
    if (state?.run.state === 'updated') return await this.#step(rollout, asked, 'confirm')
    if (state?.run.state === 'failed') return await this.#step(rollout, asked, 'fail', state.run.reason)
    if (this.#waitedMs(`${rollout.id} ${asked.id}`) > nodePatienceMs)
      return await this.#step(
        rollout,
        asked,
        'fail',
        `it did not come to an end in ${nodePatienceMs / 60_000} minutes`,
      )
    if (state?.run.state !== 'none') return
    // Whoever led before wrote that it is asked, and went away; or the answer was lost.
    if (state.bundle.state === 'ready') await this.#ask(rollout, asked)
    else await this.#give(rollout, asked, state)
  }

  /** 1 and 2 */
  async #next(rollout: Rollout): Promise<void> {
    const waiting = rollout.nodes.filter(({ state }) => state === 'waiting')
    const next = waiting[0]
    if (next === undefined) return
    let whyNot: string | null = null
    for (const node of waiting) {
      if (!this.#isMember(node)) return await this.#step(rollout, node, 'fail', noMember)
      const state = await this.#stateOf(rollout, node)
      if (state === null) whyNot ??= `${node.name} does not answer`
      else if (state.version === rollout.version) return await this.#step(rollout, node, 'confirm')
      else if (!state.installs)
        return await this.#step(
          rollout,
          node,
          'fail',
          'it cannot install a bundle by itself: update it as it was installed',
        )
      else if (state.bundle.state === 'failed')
        return await this.#step(rollout, node, 'fail', `it did not get the bundle: ${state.bundle.reason}`)
      else if (state.bundle.state !== 'ready') {
        await this.#give(rollout, node, state)
        whyNot ??= `${node.name} has not got the whole bundle`
      }
    }
    whyNot ??= this.#o.whyNotSpare(next.id, rollout.allowPause)
    if (whyNot !== null) return await this.#wait(rollout, whyNot)
    if (next.id === this.#o.nodeId) return await this.#handOver(rollout, next)
    await this.#step(rollout, next, 'ask')
    await this.#ask(rollout, next)
  }

  #isMember({ id }: RolloutNode): boolean {
    return this.#o.directory.nodes.has(id)
  }

  async #wait(rollout: Rollout, what: string): Promise<void> {
    const { proposer } = this.#o
    const { id } = rollout
    // Changing reasons must not make it wait for ever.
    const waitedMs = this.#waitedMs(id)
    if (waitedMs >= (this.#o.waitPatienceMs ?? waitPatienceMs)) {
      await proposer.propose('rollout.stop', systemActor, { id, reason: what })
    } else if (waitedMs >= tellAfterMs && rollout.waits !== what)
      await proposer.propose('rollout.wait', systemActor, { id, waits: what })
  }

  #waitedMs(what: string): number {
    const now = this.#o.monotonic()
    if (this.#waiting?.what !== what) this.#waiting = { what, since: now }
    return now - this.#waiting.since
  }

  async #handOver(rollout: Rollout, { name }: RolloutNode): Promise<void> {
    try {
      this.#o.logger.info('this node leads and is the next to be updated; it hands over')
      await this.#o.handOver()
    } catch (error) {
      this.#o.logger.warn({ err: error }, 'this node did not hand over; it is tried again')
      await this.#wait(rollout, `${name} leads, and nobody takes over from it`)
    }
  }

  async #step(
    rollout: Rollout,
    node: RolloutNode,
    event: RolloutEvent,
    reason: string | null = null,
  ): Promise<void> {
    const payload = { id: rollout.id, node: node.id, event, reason }
    await this.#o.proposer.propose('rollout.step', systemActor, payload)
    this.#o.logger.info({ node: node.name, event, reason }, 'a step of the update of the cluster')
  }

  async #ask(rollout: Rollout, { id: nodeId }: RolloutNode): Promise<void> {
    const { id, bundle, by, again, allowPause } = rollout
    await this.#o.call(nodeId, 'update.ask', { id, bundle, by, again, allowPause }, callMs)
  }

  async #give(rollout: Rollout, node: RolloutNode, state: MemberState): Promise<void> {
    if (state.bundle.state === 'fetching') return
    const { id, bundle, bytes } = rollout
    const from = await this.#holder(rollout, node)
    await this.#o.call(node.id, 'update.fetch', { id, bundle, bytes, from }, callMs)
  }

  /** A node that has the bundle. The one it was uploaded to may only have to look at its disk, after a start. */
  async #holder(rollout: Rollout, but: RolloutNode): Promise<string> {
    for (const node of rollout.nodes) {
      if (node.id === but.id) continue
      const state = await this.#stateOf(rollout, node)
      if (state?.bundle.state === 'ready') return node.id
    }
    return rollout.source
  }

  async #stateOf({ id, bundle }: Rollout, node: RolloutNode): Promise<MemberState | null> {
    try {
      return memberStateSchema.parse(await this.#o.call(node.id, 'update.state', { id, bundle }, callMs))
    } catch (error) {
      this.#o.logger.debug({ err: error, node: node.name }, 'a node did not say how its update goes')
      return null
    }
  }
}
