/**
 * Turns a backup file into a data folder that a node can be served from; restoring does it in place, proving it in a folder
 * that is thrown away.
 *
 * 1 the file is read whole and compared with its last line · 2 it is decrypted and unpacked, each part against its hash ·
 * 3 the database is brought to this version, checked page by page, loaded by the state machine, and compared with the
 * manifest: index, state chain, head of the audit log, density of every channel · 4 a node of its own takes it over, alone, with
 * a new id and certificate · 5 the audit files are written from the rows and the chain is verified.
 */
import { X509Certificate } from 'node:crypto'
import { basename, join } from 'node:path'
import type { AuditVerdict } from '@holdfast/api/services'
import { clusterMigrations, MigrationError, migrate, openDatabase } from '@holdfast/db'
import type Database from 'better-sqlite3'
import { auditRowsOf, auditSegments, Core } from '../../core.ts'
import { openDataFolder } from '../../data-folder.ts'
import { systemClock } from '../../platform/clock.ts'
import { createLogger } from '../../platform/logger.ts'
import { systemActor } from '../../state/commands.ts'
import { messageKey } from '../../state/keys.ts'
import { StateMachine } from '../../state/machine.ts'
import { fingerprint } from '../../trust/certificates.ts'
import { verifyAudit } from '../audit/verify.ts'
import { BackupError } from './errors.ts'
import type { Manifest } from './format.ts'
import { type BackupHead, checkOuter } from './read-backup.ts'
import type { RecoveryKey } from './recovery-key.ts'
import { unpack } from './unpack-backup.ts'

export interface PreparedNode {
  head: BackupHead
  manifest: Manifest
  messages: number
  people: number
  nodeId: string
  nodeName: string
  caFingerprint: string
  audit: AuditVerdict
}

/**
 * @param folder an empty folder that only its owner can enter
 * @param say told each step before it begins
 * @throws BackupError, RestoreRefusedError; the data folder's errors
 */
export async function prepareNode(options: {
  file: string
  key: RecoveryKey
  folder: string
  /** By default the name of the node that made the backup. */
  nodeName?: string
  say?: (step: string) => void
}): Promise<PreparedNode> {
  const { file, key, folder, say = () => {} } = options
  const name = basename(file)
  say('comparing the file with its SHA-256')
  const head = await checkOuter(file)
  say('decrypting')
  const manifest = await unpack(file, { head, key, folder })
  say('checking the database')
  const counts = checkCopy(join(folder, 'cluster.db'), { manifest, name })
  say('taking it over')
  const nodeName = options.nodeName ?? manifest.node.name
  const taken = await takeOver(folder, { manifest, nodeName, sha256: head.sha256 })
  say('verifying the audit log')
  const audit = await verifyAudit({ directory: join(folder, 'audit'), database: join(folder, 'cluster.db') })
  if (!audit.ok)
    throw new BackupError('unsound', `${name} holds an audit log that does not verify: ${audit.faults[0]}.`)
  return { head, manifest, ...counts, ...taken, nodeName, audit }
}

/** Compares the database with what the manifest says of it, and frees it from its cluster. */
function checkCopy(path: string, { manifest, name }: { manifest: Manifest; name: string }) {
  const unsound = (what: string) => new BackupError('unsound', `${name} cannot be used: ${what}.`)
  const db = openDatabase(path, { role: 'writer' })
  try {
    migrateCopy(db, name)
    const faults = db.pragma('integrity_check(3)', { simple: true })
    if (faults !== 'ok') throw unsound(`its database is damaged (${String(faults).slice(0, 200)})`)
    const machine = new StateMachine(db)
    machine.load()
    const applied = db
      .prepare('SELECT auditSeq AS seq, lower(hex(auditHash)) AS hash FROM applied WHERE id = 1')
      .get() as { seq: number; hash: string }
    const found = {
      index: machine.index,
      'state chain': machine.chain.toString('hex'),
      'number of audit events': applied.seq,
      'hash of the newest audit event': applied.hash,
      generation: machine.position?.generation ?? '',
    }
    const said = [
      manifest.index,
      manifest.chain,
      manifest.audit.seq,
      manifest.audit.hash,
      manifest.generation,
    ]
    for (const [i, [what, value]] of Object.entries(found).entries())
      if (value !== said[i])
        throw unsound(`the ${what} of its database is ${value}, and its manifest says ${said[i]}`)
    checkDensity(db, machine, unsound)
    machine.leave()
    const messages = db.prepare('SELECT count(*) FROM message').pluck().get() as number
    return { messages, people: machine.directory.people.size }
  } finally {
    db.close()
  }
}

function migrateCopy(db: Database.Database, name: string): void {
  try {
    migrate(db, clusterMigrations)
  } catch (error) {
    if (error instanceof MigrationError && error.fault === 'newer')
      throw new BackupError(
        'newer',
        `${name} was made by a later version (it has the migration ${error.migration}): install that version, then restore.`,
        { cause: error },
      )
    throw error
  }
}

/** Every channel has each of its sequences from floor to head. */
function checkDensity(db: Database.Database, machine: StateMachine, unsound: (what: string) => Error): void {
  const count = db.prepare('SELECT count(*) FROM message WHERE key BETWEEN ? AND ?').pluck()
  for (const channel of machine.directory.channels.values()) {
    const { no, floor, head, id } = channel
    const wanted = Math.max(0, head - floor + 1)
    const there = count.get(messageKey(no, floor), messageKey(no, head)) as number
    if (there !== wanted)
      throw unsound(`the channel ${id} has ${there} of its ${wanted} entries from ${floor} to ${head}`)
  }
}

/** A node of its own takes the state over; nobody can reach it meanwhile. */
async function takeOver(
  path: string,
  { manifest, nodeName, sha256 }: { manifest: Manifest; nodeName: string; sha256: string },
): Promise<{ nodeId: string; caFingerprint: string }> {
  const { facility } = manifest
  const folder = await openDataFolder({
    dataDir: path,
    facility,
    nodeName,
    publicNames: [],
    clock: systemClock,
  })
  const core = new Core(folder, createLogger({ level: 'error' }))
  const segments = auditSegments(core)
  try {
    await core.start((commit) => segments.append(auditRowsOf(commit)))
    await segments.start()
    const { certificate } = folder.trust.node
    await core.proposer.propose('backup.restored', systemActor, {
      node: {
        id: folder.identity.nodeId,
        name: nodeName,
        fingerprint: fingerprint(certificate).hex,
        certificate: new X509Certificate(certificate).toString(),
      },
      createdAt: manifest.createdAt,
      madeBy: manifest.node.name,
      index: manifest.index,
      auditSeq: manifest.audit.seq,
      sha256,
    })
    folder.saveIdentity({ ...folder.identity, nodeName, facility })
    await segments.flush()
    return { nodeId: folder.identity.nodeId, caFingerprint: folder.caFingerprint.colons }
  } finally {
    await segments[Symbol.asyncDispose]()
    await core.stop()
  }
}
