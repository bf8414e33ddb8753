/** A local log with its writer thread, on a temporary database, and the memory that follows it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clusterMigrations, migrate, openDatabase } from '@holdfast/db'
import type Database from 'better-sqlite3'
import { createLogger } from '../platform/logger.ts'
import { type Actor, commandTypes, systemActor } from '../state/commands.ts'
import { Directory } from '../state/directory.ts'
import { TestClock } from '../trust/test-clock.ts'
import { LocalLog } from './local-log.ts'
import type { Commit } from './log.ts'
import { Proposer } from './proposer.ts'

export class TestLog implements AsyncDisposable {
  readonly clock = new TestClock()
  readonly logger = createLogger({ level: 'silent' })
  readonly databaseFile: string
  readonly commits: Commit[] = []
  readonly failures: string[] = []
  readonly log: LocalLog
  readonly proposer: Proposer
  readonly db: Database.Database
  readonly directory: Directory
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
    this.databaseFile = join(folder, 'cluster.db')
    const writer = openDatabase(this.databaseFile, { role: 'writer' })
    migrate(writer, clusterMigrations)
    writer.close()
    this.log = new LocalLog({
      databaseFile: this.databaseFile,
      nodeId: 'n1',
      clock: this.clock,
      logger: this.logger,
      onFailure: (code) => {
        this.failures.push(code)
      },
    })
    this.proposer = new Proposer(this.log)
    this.db = openDatabase(this.databaseFile, { role: 'reader' })
    this.directory = new Directory(this.db)
  }

  static async start(): Promise<TestLog> {
    const test = new TestLog(mkdtempSync(join(tmpdir(), 'holdfast-log-')))
    test.log.onCommit((commit) => {
      test.commits.push(commit)
      for (const effect of commit.effects)
        if (effect.e === 'changed') test.directory.refresh(effect.kind, effect.id)
        else if (effect.e === 'entries') {
          const channel = test.directory.channelsByNo.get(effect.channelNo)
          if (channel) channel.head = Math.max(channel.head, effect.head)
        }
    })
    await test.log.start()
    test.directory.load()
    return test
  }

  /** Proposes one control command; any payload, as a test may be wrong on purpose. */
  control(name: string, payload: unknown, actor: Actor = systemActor): Promise<unknown> {
    return this.proposer.proposeEncoded(JSON.stringify([commandTypes.control, name, actor, payload]))
  }

  send(channelNo: number, personNo: number, id: string, body = id): Promise<unknown> {
    return this.proposer.proposeEncoded(
      JSON.stringify([commandTypes.message, channelNo, personNo, id, body, 0, null]),
    )
  }

  /** A person and a channel with him alone; both get the number 1 when they are the first. */
  async populate(retentionDays: number | null = null): Promise<void> {
    await this.control('person.add', {
      id: personId,
      name: 'anna',
      displayName: 'Anna',
      role: 'member',
      kind: 'person',
      passwordHash: null,
      mustChange: false,
    })
    await this.control('channel.create', {
      id: channelId,
      kind: 'group',
      name: 'ops',
      topic: '',
      directKey: null,
      retentionDays,
      members: [personId],
      groups: [],
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.log.stop()
    this.db.close()
    rmSync(this.#folder, { recursive: true })
  }
}

export const personId = 'p_00000000000000000001'
export const channelId = 'c_00000000000000000001'
