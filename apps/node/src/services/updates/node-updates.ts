/** What a node has to do with updates of its machine, in one part for node.ts. */
import { join } from 'node:path'
import { appliancePaths } from '../../appliance/paths.ts'
import type { ClusterNode } from '../../cluster/cluster-node.ts'
import type { Core } from '../../core.ts'
import type { Readiness } from '../../http/dependencies.ts'
import { Trial } from './trial.ts'
import { UpdateAudit } from './update-audit.ts'
import { Updates } from './updates.ts'

export class NodeUpdates {
  readonly service: Updates
  readonly #audit: UpdateAudit
  readonly #trial: Trial
  readonly #cluster: ClusterNode | null

  constructor({
    core,
    cluster,
    isSetUp,
  }: { core: Core; cluster: ClusterNode | null; isSetUp: () => boolean }) {
    const { folder, proposer, logger } = core
    const paths = { ...appliancePaths(), node: folder.path, uploads: join(folder.path, 'updates') }
    this.#cluster = cluster
    this.#audit = new UpdateAudit(paths, { proposer, logger, isSetUp })
    this.#trial = new Trial(paths.trial)
    this.service = new Updates(paths, proposer)
  }

  start(): void {
    this.#audit.start()
    this.#trial.start()
  }

  stop(): void {
    this.#audit.stop()
    this.#trial.stop()
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
}
