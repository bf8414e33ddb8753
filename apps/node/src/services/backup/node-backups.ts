import { join } from 'node:path'
import type { ClusterNode } from '../../cluster/cluster-node.ts'
import type { Config } from '../../config/config.ts'
import type { Core } from '../../core.ts'
import { SnapshotMaker } from '../../peer/snapshot-maker.ts'
import { Backups } from './backups.ts'

/** The backups of a node; a member of a cluster shares the copies that it makes for other members. */
export function nodeBackups({
  core,
  cluster,
  config,
  version,
}: {
  core: Core
  cluster: ClusterNode | null
  config: Config
  version: string
}): Backups {
  const { folder, directory, proposer, log, alerts, clock, logger } = core
  const snapshots =
    cluster?.snapshots ??
    new SnapshotMaker({
      dataFolder: folder.path,
      logger,
      holdCheckpoints: (held) => log.holdCheckpoints(held),
      // On a single node nothing tells a copy that is old enough to lack something: each backup has its own.
      shareMs: 0,
    })
  return new Backups({
    folder,
    backupFolder: config.backupDir ?? join(folder.path, 'backups'),
    version,
    directory,
    proposer,
    log,
    snapshots,
    ownSnapshots: cluster === null,
    revision: () => cluster?.log.revision ?? 0,
    leads: () => cluster?.log.leads ?? true,
    alerts,
    clock,
    logger,
  })
}
