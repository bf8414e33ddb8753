import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { limits } from '@holdfast/api/contract/limits'
import type { AuditVerdict } from '@holdfast/api/services'
import type { OwnKey } from '../services/audit/verify-checkpoints.ts'
import { type NodeFlags, openNode } from './cluster-common.ts'
import { CommandError } from './errors.ts'
import { readShortFile } from './files.ts'
import { count, green, note, print, printable, printJson, red } from './output.ts'
import { openRemote, type RemoteFlags } from './remote.ts'
import { exitCodes } from './run.ts'

export interface VerifyFlags extends NodeFlags {
  data?: string
  /** A file, or the address of another node. */
  against?: string
}

export async function verify(flags: VerifyFlags): Promise<void> {
  const against = flags.against === undefined ? undefined : await checkpointOf(flags.against, flags)
  const verdict =
    flags.data === undefined ? await verifyRemote(flags, against) : await verifyStopped(flags.data, against)
  if (flags.json) printJson(verdict)
  else tell(verdict)
  if (!verdict.ok) process.exitCode = exitCodes.refused
}

function tell(verdict: AuditVerdict): void {
  const { events, segments, checkpoints, against, tookMs, head } = verdict
  if (verdict.ok) {
    print(
      `${green('The audit log is whole')}: ${count(events, 'event')} in ${count(segments, 'segment')}, checked in ${tookMs} ms.\nHash of the newest event: ${head}`,
    )
    print(`${count(checkpoints, 'signed checkpoint')} ${checkpoints === 1 ? 'agrees' : 'agree'} with it.`)
    if (against)
      print(
        `It agrees with the given checkpoint of ${count(against.size, 'event')}, signed by ${against.signedBy.join(', ')}.`,
      )
  } else {
    print(red('The audit log does not verify:'))
    for (const fault of verdict.faults) print(`  ${printable(fault)}`)
  }
}

/** The checkpoint in a file, or the newest one of another node, as its signed note. */
async function checkpointOf(source: string, flags: RemoteFlags): Promise<string> {
  if (!/^\w+:\/\//.test(source)) return readShortFile(source, limits.checkpointBytes, 'checkpoint')
  if (!source.startsWith('https://'))
    throw new CommandError(`${source} is not the address of a node. Write https://NODE:7443, or a file.`)
  const { nodeOrigin } = await import('@holdfast/api/client/urls')
  const url = nodeOrigin(source)
  await using remote = await openRemote(flags, url)
  const { newest } = await remote.api.audit.checkpoint.query({})
  if (newest === null) throw new CommandError(`The node at ${url} has no checkpoint yet.`)
  if (!flags.json) note(`The newest checkpoint of ${url} covers ${count(newest.size, 'event')}.`)
  return newest.note
}

async function verifyRemote(flags: NodeFlags, against: string | undefined): Promise<AuditVerdict> {
  await using remote = await openNode(flags)
  if (against === undefined) return await remote.api.audit.verify.mutate()
  const verdict = await remote.api.audit.verifyAgainst.mutate({ checkpoint: against })
  const fault = await inconsistency(remote.api.audit.checkpoint.query, against)
  return fault === null ? verdict : { ...verdict, ok: false, faults: [...verdict.faults, fault] }
}

/**
 * Checks here, without belief in what the node says, that its newest checkpoint continues the given one.
 * @returns what is wrong; null also when the node has no later checkpoint, which its verdict tells
 */
async function inconsistency(
  ask: (question: { from: number }) => Promise<{
    newest: { note: string } | null
    consistency: string[] | null
  }>,
  against: string,
): Promise<string | null> {
  const [{ readCheckpoint }, { verifyConsistency }] = await Promise.all([
    import('../services/audit/checkpoint.ts'),
    import('../services/audit/merkle.ts'),
  ])
  try {
    const older = readCheckpoint(against)
    const { newest, consistency } = await ask({ from: 0 })
    if (newest === null || consistency === null) return null
    const newer = readCheckpoint(newest.note)
    if (newer.size < older.size || newer.origin !== older.origin) return null
    const answer = await ask({ from: older.size })
    const later = readCheckpoint(answer.newest?.note ?? '')
    const proof = (answer.consistency ?? []).map((each) => Buffer.from(each, 'base64'))
    const sizes = { from: older.size, to: later.size }
    if (verifyConsistency({ ...sizes, fromRoot: older.root, toRoot: later.root, proof })) return null
    return `the node cannot prove that its newest checkpoint, of ${later.size} events, continues the given one of ${older.size}`
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return `a checkpoint cannot be read: ${error.message}`
  }
}

/** The lock is held while it reads: a node that started meanwhile would write what is being compared. */
async function verifyStopped(folder: string, against: string | undefined): Promise<AuditVerdict> {
  const database = join(folder, 'cluster.db')
  // Asked first, because the lock is a file: a mistyped path must not leave one in a folder of somebody else's.
  if (!existsSync(database))
    throw new CommandError(`There is no node in ${folder} (no cluster.db). Name the data folder of a node.`)
  const [{ acquireLock, LockedError }, { verifyAudit }] = await Promise.all([
    import('@holdfast/db'),
    import('../services/audit/verify.ts'),
  ])
  let lock: Disposable
  try {
    lock = acquireLock(folder)
  } catch (error) {
    if (!(error instanceof LockedError)) throw error
    throw new CommandError(
      `The node of ${folder} is running. Leave out --data to let it check itself, or stop it first.`,
      { cause: error },
    )
  }
  using _ = lock
  const key = await ownKey(folder)
  return await verifyAudit({
    directory: join(folder, 'audit'),
    database,
    ...(key && { key }),
    ...(against !== undefined && { against }),
  })
}

/** The key of the node whose folder it is; null when the folder does not say whose it is, as with a copy of the log alone. */
async function ownKey(folder: string): Promise<OwnKey | null> {
  const path = join(folder, 'node.db')
  if (!existsSync(path)) return null
  const [{ openDatabase }, { auditKeyFile }] = await Promise.all([
    import('@holdfast/db'),
    import('../services/audit/audit-key.ts'),
  ])
  const db = openDatabase(path, { role: 'reader', readonly: true })
  try {
    const node = db.prepare('SELECT nodeId FROM identity WHERE id = 1').pluck().get()
    return typeof node === 'string' ? { node, file: auditKeyFile(folder) } : null
  } finally {
    db.close()
  }
}
