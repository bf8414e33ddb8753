/** State machines on temporary databases, and what tests look at in them. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clusterMigrations, migrate, openDatabase } from '@holdfast/db'
import type Database from 'better-sqlite3'
import { genesisHash, nextHash } from '../services/audit/chain.ts'
import { signedCheckpoints } from '../services/audit/test-signer.ts'
import { defaultPolicy } from '../services/settings/policy.ts'
import { type Actor, commandTypes, encodeBatch, systemActor } from './commands.ts'
import { Directory } from './directory.ts'
import type { Applied } from './machine.ts'
import { StateMachine } from './machine.ts'

export const idOf = (prefix: string, n: number): string => `${prefix}_${String(n).padStart(20, '0')}`
export const ownerId = idOf('p', 1)
export const owner: Actor = { id: ownerId, name: 'olga', remote: '127.0.0.1' }

/** A machine with its own database; dispose it. */
export class TestMachine implements Disposable {
  machine: StateMachine
  db: Database.Database
  readonly file: string
  readonly #folder: string
  #batches = 0

  constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), 'holdfast-machine-'))
    this.file = join(this.#folder, 'cluster.db')
    this.db = openDatabase(this.file, { role: 'writer', synchronous: 'NORMAL' })
    // The books of migrations hold a time and a random id; fixed ones make equal databases equal in each byte.
    migrate(this.db, clusterMigrations, () => 0)
    this.db.exec('UPDATE _prisma_migrations SET id = migration_name')
    this.machine = new StateMachine(this.db)
    this.machine.load()
  }

  /** Applies one batch of values that become its commands. */
  apply(commands: readonly unknown[], at = 1000 + this.#batches): Applied {
    this.#batches += 1
    return this.machine.apply(
      encodeBatch(
        'n1',
        this.#batches,
        at,
        commands.map((c) => JSON.stringify(c)),
      ),
    )
  }

  /** One control command by the owner. */
  control(name: string, payload: unknown, actor: Actor = owner): unknown {
    const [outcome] = this.apply([[commandTypes.control, name, actor, payload]]).outcomes
    return outcome
  }

  /** What a process that starts on this database would know. */
  restart(): void {
    this.db.close()
    this.db = openDatabase(this.file, { role: 'writer', synchronous: 'NORMAL' })
    this.machine = new StateMachine(this.db)
    this.machine.load()
  }

  /** A facility with its owner, as the first batch. */
  setUp(): this {
    const outcome = this.control(
      'facility.create',
      {
        facility: 'Testbed',
        node: { id: 'n_1', name: 'node1', fingerprint: 'ff', certificate: 'pem' },
        caFingerprint: 'ff',
        owner: {
          id: ownerId,
          name: 'olga',
          displayName: 'Olga',
          role: 'owner',
          kind: 'person',
          passwordHash: 'x',
          mustChange: false,
        },
        recoveryCodeHashes: ['h1', 'h2'],
        settings: { policy: defaultPolicy },
      },
      systemActor,
    )
    if (JSON.stringify(outcome) !== '{"value":null}')
      throw new Error(`no facility: ${JSON.stringify(outcome)}`)
    return this
  }

  /**
   * People, a group, a channel of each kind, a few messages, a second node and a checkpoint, so that random commands
   * have something to meet.
   */
  populate(): this {
    this.db.exec(
      "INSERT INTO node (id, name, fingerprint, certificate, addedAt) VALUES ('n_2', 'node2', 'ff', 'pem', 0)",
    )
    const [first, second] = [signedCheckpoints('n_1', [1]), signedCheckpoints('n_2', [])]
    const control = (name: string, payload: unknown) => [commandTypes.control, name, owner, payload]
    const person = (n: number, name: string, role: string) =>
      control('person.add', {
        id: idOf('p', n),
        name,
        displayName: name,
        role,
        kind: 'person',
        passwordHash: 'x',
        mustChange: false,
      })
    const channel = (n: number, kind: string, members: string[], groups: string[]) =>
      control('channel.create', {
        id: idOf('c', n),
        kind,
        name: `channel${n}`,
        topic: '',
        directKey: null,
        retentionDays: null,
        members,
        groups,
      })
    const everybody = [2, 3, 4].map((n) => idOf('p', n))
    const { outcomes } = this.apply([
      person(2, 'anna', 'member'),
      person(3, 'ben', 'helpdesk'),
      person(4, 'cara', 'owner'),
      person(5, 'dora', 'member'),
      control('person.suspend', { id: idOf('p', 5) }),
      control('device.enrol', {
        id: idOf('d', 1),
        personId: idOf('p', 2),
        name: 'phone',
        platform: '',
        thumbprint: 't9',
        publicKey: '{}',
        certificate: null,
      }),
      control('session.create', {
        id: idOf('s', 1),
        personId: idOf('p', 2),
        tokenHash: 't9',
        deviceId: null,
        userAgent: '',
        remote: '',
        expiresAt: 1_000_000,
      }),
      control('group.create', { id: idOf('g', 1), name: 'ops', description: '', members: everybody }),
      channel(1, 'group', everybody, []),
      channel(2, 'open', [idOf('p', 2)], [idOf('g', 1)]),
      channel(3, 'announcement', [], [idOf('g', 1)]),
      ...['t1', 't2'].map((hash, n) =>
        control('invitation.create', { id: idOf('iv', 10 + n), hash, lifeMs: 10_000_000 }),
      ),
      control('audit.key', first.key),
      control('audit.key', second.key),
      ...first.checkpoints.map((each) => control('audit.checkpoint', each)),
      ...[1, 2, 3].flatMap((no) => [0, 1].map((n) => [0, no, 1, `first-${no}-${n}`, 'hello', 0, null])),
    ])
    const refused = outcomes.find((outcome) => typeof outcome === 'object' && 'refused' in outcome)
    if (refused) throw new Error(`not populated: ${JSON.stringify(refused)}`)
    return this
  }

  [Symbol.dispose](): void {
    this.db.close()
    rmSync(this.#folder, { recursive: true })
  }
}

/** Every row of every table, as text; the tables in `except` left out. */
export function rowsOf(db: Database.Database, except: readonly string[] = []): Record<string, string[]> {
  const tables = db
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    .pluck()
    .all() as string[]
  return Object.fromEntries(
    tables
      .filter((table) => !except.includes(table))
      .map((table) => [table, db.prepare(`SELECT * FROM "${table}"`).all().map(rowText).sort()]),
  )
}

function rowText(row: unknown): string {
  return JSON.stringify(row, (_, value: unknown) => (value instanceof Uint8Array ? [...value] : value))
}

/**
 * What a directory holds, in a form that can be compared. Last signs of life are left out: presence keeps them in memory
 * and only stores them now and then.
 */
export function contentOf(directory: Directory): unknown {
  const sorted = (map: ReadonlyMap<unknown, object>) =>
    [...map].map(([key, value]) => JSON.stringify([key, value], plain)).sort()
  const { people, peopleByNo, peopleByName, groups, channels, channelsByNo } = directory
  const { sessions, sessionsByHash, devices, devicesByThumbprint, settings } = directory
  const maps = { people, peopleByNo, peopleByName, groups, channels, channelsByNo }
  const more = { sessions, sessionsByHash, devices, devicesByThumbprint, settings }
  const channelsOf = [...peopleByNo.keys()]
    .sort((a, b) => a - b)
    .map((no) => [no, [...directory.channelsOf(no)].map((channel) => channel.id).sort()])
  return {
    channelsOf,
    ...Object.fromEntries(Object.entries({ ...maps, ...more }).map(([name, map]) => [name, sorted(map)])),
  }
}

function plain(key: string, value: unknown): unknown {
  if (key === 'lastSeenAt') return undefined
  if (value instanceof Map) return [...value].map((pair) => JSON.stringify(pair)).sort()
  if (value instanceof Set) return [...value].sort()
  return value
}

/** What the database says a directory should hold. */
export function storedDirectory(db: Database.Database): Directory {
  const directory = new Directory(db)
  directory.load()
  return directory
}

/** What is wrong with the audit chain of the rows, or null. */
export function auditFault(db: Database.Database): string | null {
  const rows = db.prepare('SELECT seq, event, hash FROM audit_event ORDER BY seq').all() as {
    seq: number
    event: string
    hash: Buffer
  }[]
  let hash: Buffer = genesisHash
  for (const [i, row] of rows.entries()) {
    if (row.seq !== i + 1) return `event ${row.seq} stands where ${i + 1} should`
    hash = nextHash(hash, row.event)
    if (!hash.equals(row.hash)) return `event ${row.seq} has another hash`
    if ((JSON.parse(row.event) as { seq: number }).seq !== row.seq)
      return `event ${row.seq} names another sequence`
  }
  const head = db.prepare('SELECT auditSeq, auditHash FROM applied').get() as {
    auditSeq: number
    auditHash: Buffer
  }
  if (head.auditSeq !== rows.length || !head.auditHash.equals(hash)) return 'the head is not the newest event'
  return null
}

/** What is wrong with the sequences of the channels, or null. */
export function sequenceFault(db: Database.Database): string | null {
  const channels = db.prepare('SELECT no, head, floor FROM channel').all() as {
    no: number
    head: number
    floor: number
  }[]
  for (const { no, head, floor } of channels) {
    const found = db
      .prepare(
        'SELECT count(*) AS n, min(key % 4294967296) AS low, max(key % 4294967296) AS high FROM message WHERE key / 4294967296 = ?',
      )
      .get(no) as { n: number; low: number | null; high: number | null }
    const n = head - floor + 1
    const right = found.n === n && (n === 0 || (found.low === floor && found.high === head))
    if (!right) return `channel ${no}: head ${head}, floor ${floor}, but ${JSON.stringify(found)}`
  }
  const strays = db
    .prepare('SELECT count(*) FROM message WHERE key / 4294967296 NOT IN (SELECT no FROM channel)')
    .pluck()
    .get()
  return strays === 0 ? null : `${strays} messages belong to no channel`
}
