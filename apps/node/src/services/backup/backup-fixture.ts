/** A facility in a data folder, and backups of it, for tests. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDatabase } from '@holdfast/db'
import { initNode } from '../../init-node.ts'
import { SnapshotMaker } from '../../peer/snapshot-maker.ts'
import { createLogger } from '../../platform/logger.ts'
import { trustPaths } from '../../trust/files.ts'
import { type CreatedBackup, type CreateRequest, createBackup } from './create-backup.ts'
import { newRecoveryKey, type RecoveryKey } from './recovery-key.ts'
import { writeBackup } from './write-backup.ts'

export class TestFacility implements AsyncDisposable {
  readonly path: string
  readonly dataDir: string
  readonly backups: string
  readonly nodeId: string
  readonly key: RecoveryKey
  readonly snapshots: SnapshotMaker

  private constructor(made: { path: string; nodeId: string; key: RecoveryKey }) {
    this.path = made.path
    this.dataDir = join(made.path, 'data')
    this.backups = join(made.path, 'backups')
    this.nodeId = made.nodeId
    this.key = made.key
    const logger = createLogger({ level: 'silent' })
    this.snapshots = new SnapshotMaker({ dataFolder: this.dataDir, logger, shareMs: 0 })
  }

  static async make(): Promise<TestFacility> {
    const path = mkdtempSync(join(tmpdir(), 'holdfast-backup-'))
    const { nodeId } = await initNode({
      dataDir: join(path, 'data'),
      facility: 'Mill',
      nodeName: 'mill-1',
      admin: 'olga',
      adminPassword: 'correct-horse-battery',
    })
    return new TestFacility({ path, nodeId, key: await newRecoveryKey() })
  }

  /** Text that fills pages of the database, under a setting. */
  grow(bytes: number): void {
    const db = openDatabase(join(this.dataDir, 'cluster.db'), { role: 'writer' })
    db.prepare("INSERT OR REPLACE INTO setting (key, value, updatedAt) VALUES ('ballast', ?, 0)").run(
      JSON.stringify(Array.from({ length: bytes / 20 }, () => Math.random().toString(36)).join('')),
    )
    db.close()
  }

  create(
    changes: Partial<CreateRequest> & { version?: string; createdAt?: number } = {},
  ): Promise<CreatedBackup> {
    const { version = '0.0.1', createdAt = Date.UTC(2026, 2, 1), ...rest } = changes
    return createBackup({
      folder: this.backups,
      clusterFile: join(this.dataDir, 'cluster.db'),
      authorityFile: trustPaths(this.dataDir).authority,
      about: {
        facility: 'Mill',
        node: { id: this.nodeId, name: 'mill-1' },
        version,
        createdAt,
        recipient: this.key.recipient,
      },
      keep: 7,
      snapshots: this.snapshots,
      readIndex: () => Promise.resolve(),
      revision: () => 0,
      signal: new AbortController().signal,
      onProgress: () => {},
      write: (request) => writeBackup(request),
      ...rest,
    })
  }

  /** A new, empty folder. */
  folder(name: string): string {
    const path = join(this.path, name)
    mkdirSync(path, { mode: 0o700 })
    return path
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.snapshots[Symbol.asyncDispose]()
    rmSync(this.path, { recursive: true, force: true })
  }
}
