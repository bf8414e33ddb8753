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
import { RolloutMember } from './rollout-member.ts'
import { Trial } from './trial.ts'
import { UpdateAudit } from './update-audit.ts'
import { Updates } from './updates.ts'

/** Entries of the log that a node may lack and still take its part at once. */
const maxLag = 1_000
const tidyEveryMs = 10_000

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
    const store = new BundleStore(paths, () => cluster?.voterCount ?? null)
    const leader = () => cluster?.leader()?.id ?? null
    this.service = new Updates({ paths, nodeId, proposer, directory, store, leader })
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
      whyNotSpare: (node) => this.#whyNotSpare(cluster, node),
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      logger,
    })
  }

  start(): void {
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
    if (!started) return { ready: false, reason: 'the node is starting or stopping', cluster }
    if (unfit !== null || this.closed === null) return { ready: unfit === null, reason: unfit, cluster }
    return { ready: false, reason: this.closed, onTrial: true, cluster }
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

  /** One node at a time is away, while all the others are there and up to date. */
  #whyNotSpare({ log, etcdMembers, voterCount, nodeId }: ClusterNode, node: string): string | null {
    const { nodes } = this.#core.directory
    for (const { id, name } of nodes.values()) {
      if (id === nodeId) continue
      const report = log.reports.of(id)
      if (report === undefined || !log.reports.alive(id)) return `${name} is not there`
      if (report.state !== 'online') return `${name} takes its state from another node`
      if (log.index - report.index > maxLag) return `${name} has not caught up`
      if (etcdMembers.every((member) => member.name !== id || member.learner))
        return `${name} does not vote yet`
    }
    const { voters = 0, healthy = 0 } = voterCount ?? {}
    if (healthy - 1 > voters / 2) return null
    const name = nodes.get(node)?.name ?? node
    return `without ${name} ${healthy - 1} of ${voters} nodes would be left, too few to go on`
  }
}
