/** What a node has to do with updates of its machine and of its cluster, in one part for node.ts. */
import { join } from 'node:path'
import { HoldfastError } from '@holdfast/api/contract/errors'
import { noteVersion } from '../../appliance/container.ts'
import { type AppliancePaths, appliancePaths } from '../../appliance/paths.ts'
import type { ClusterNode } from '../../cluster/cluster-node.ts'
import { readEnvironment } from '../../config/env.ts'
import type { Core } from '../../core.ts'
import type { Readiness } from '../../http/dependencies.ts'
import { Members } from '../cluster/members.ts'
import { BundleStore } from './bundle-store.ts'
import { isUnderWay, rolloutOf } from './rollout.ts'
import { RolloutDuty } from './rollout-duty.ts'
import { machineStateSchema, RolloutMember } from './rollout-member.ts'
import { type AskedMember, type MemberFacts, whyNotSpare } from './rollout-preflight.ts'
import { Trial } from './trial.ts'
import { UpdateAudit } from './update-audit.ts'
import { Updates } from './updates.ts'

const tidyEveryMs = 10_000
/** A member that does not answer in this time is not asked to take part. */
const askMs = 5_000
/**
 * A node that started reads and shows what it has, also when the others are away; but whoever restarts nodes one by one must
 * not take the next one before this one takes part. So long /readyz waits for that.
 */
const joinPatienceMs = 60_000

export class NodeUpdates {
  readonly service: Updates
  readonly #audit: UpdateAudit
  readonly #trial: Trial
  readonly #cluster: ClusterNode | null
  readonly #core: Core
  readonly #paths: AppliancePaths
  readonly #member: RolloutMember | null = null
  readonly #duty: RolloutDuty | null = null
  #tidier: NodeJS.Timeout | null = null
  /** By the monotonic clock. */
  #startedMs = 0

  constructor(options: { core: Core; cluster: ClusterNode | null; isSetUp: () => boolean }) {
    const { core, cluster, isSetUp } = options
    const { folder, proposer, logger, directory, clock } = core
    const { nodeId } = folder.identity
    const machine = appliancePaths(readEnvironment().machineRoot)
    const paths = { ...machine, node: folder.path, uploads: join(folder.path, 'updates') }
    this.#core = core
    this.#paths = paths
    this.#cluster = cluster
    this.#audit = new UpdateAudit(paths, { proposer, logger, isSetUp })
    this.#trial = new Trial(paths.trial)
    const voterCount = () => cluster?.voterCount ?? null
    const store = new BundleStore(paths, voterCount)
    const leader = () => cluster?.leader()?.id ?? null
    const others = () => this.#askOthers()
    this.service = new Updates({ paths, nodeId, proposer, directory, store, leader, voterCount, others })
    if (cluster === null) return
    const call = (to: string, op: string, payload: unknown, timeoutMs: number) =>
      this.#call(to, op, payload, timeoutMs)
    this.#member = new RolloutMember({ paths, store, call, isOpen: () => this.closed === null })
    Object.assign(cluster.calls, this.#member.calls)
    const members = new Members(core, cluster)
    this.#duty = new RolloutDuty({
      nodeId,
      directory,
      proposer,
      leads: () => cluster.log.leads,
      handOver: () => members.handOver(),
      call,
      whyNotSpare: (node, allowPause) =>
        whyNotSpare(
          this.#others(cluster).map(({ facts }) => facts),
          cluster.voterCount ?? { voters: 0, healthy: 0 },
          { name: directory.nodes.get(node)?.name ?? node, allowPause },
        ),
      monotonic: () => clock.monotonic(),
      logger,
    })
  }

  start(): void {
    this.#startedMs = this.#core.clock.monotonic()
    noteVersion(this.#paths, this.#paths.uploads).catch((error: Error) =>
      this.#core.logger.warn({ err: error }, 'the version of this container was not noted'),
    )
    this.#audit.start()
    this.#trial.start()
    this.#duty?.start()
    if (this.#member === null) return
    this.#tidier = setInterval(
      () => this.#member?.tidy(isUnderWay(rolloutOf(this.#core.directory))),
      tidyEveryMs,
    )
    this.#tidier.unref()
  }

  stop(): void {
    this.#audit.stop()
    this.#trial.stop()
    this.#duty?.stop()
    this.#member?.stop()
    if (this.#tidier) clearInterval(this.#tidier)
  }

  /** Why no client may come in; null: they may. */
  get closed(): string | null {
    return this.#trial.closed
  }

  /**
   * What /readyz answers, with what decides about an update of the machine.
   * @param started whether the node has started and does not stop; @param unfit why it must not serve, null: it may
   */
  readiness(started: boolean, unfit: string | null): Readiness {
    const cluster = this.#cluster?.voterCount ?? null
    const joined = this.#cluster?.log.hasJoinedIn ?? true
    const about = { cluster, joined }
    const no = (reason: string) => ({ ready: false, reason, ...about })
    if (!started) return no('the node is starting or stopping')
    if (unfit !== null) return no(unfit)
    if (this.closed !== null) return { ...no(this.closed), onTrial: true }
    if (!joined && this.#core.clock.monotonic() - this.#startedMs < joinPatienceMs)
      return no('the node does not take part in its cluster yet')
    return { ready: true, reason: null, ...about }
  }

  async #call(to: string, op: string, payload: unknown, timeoutMs: number): Promise<unknown> {
    const cluster = this.#cluster
    if (cluster === null) throw new HoldfastError('conflict', 'This node is alone.')
    if (to === cluster.nodeId)
      return await cluster.calls[op]?.(payload, { nodeId: to, name: this.#core.folder.identity.nodeName })
    const peer = cluster.peers().find(({ nodeId }) => nodeId === to)
    if (peer === undefined) throw new HoldfastError('not-found', 'Nobody knows where this node is.')
    using client = cluster.clientOf(peer)
    return await client.call(op, payload, { timeoutMs })
  }

  /** What is heard of the other members. */
  #others({ log, etcdMembers, nodeId }: ClusterNode): { id: string; facts: MemberFacts }[] {
    const others = [...this.#core.directory.nodes.values()].filter(({ id }) => id !== nodeId)
    return others.map(({ id, name }) => {
      const report = log.reports.of(id)
      const facts = {
        name,
        isThere: report !== undefined && log.reports.alive(id),
        isOnline: report?.state === 'online',
        lag: log.index - (report?.index ?? 0),
        votes: etcdMembers.some((member) => member.name === id && !member.learner),
      }
      return { id, facts }
    })
  }

  /** What the other members' machines say, too. */
  async #askOthers(): Promise<AskedMember[]> {
    if (this.#cluster === null) return []
    return await Promise.all(
      this.#others(this.#cluster).map(async ({ id, facts }) => {
        const answer = await this.#call(id, 'update.machine', {}, askMs).catch(() => null)
        return { ...facts, machine: machineStateSchema.safeParse(answer).data ?? null }
      }),
    )
  }
}
