/**
 * Checkpoints of the audit log in the replicated state. What is signed is checked against the keys that the nodes' rows
 * hold; whether a root is that of the events is for each node's checkpointer to say, because apply must come to the same
 * on a node whose history was rewritten.
 */
import type { Applying, Handler } from '../../state/applying.ts'
import { refuse } from '../../state/applying.ts'
import { type Actor, systemActor } from '../../state/commands.ts'
import { hashBytes } from './chain.ts'
import {
  type Checkpoint,
  checkpointText,
  cosignerKey,
  isLineBy,
  isOrigin,
  logKey,
  readCheckpoint,
  withLine,
} from './checkpoint.ts'
import {
  decodeBase64,
  encodeKey,
  isBy,
  maxLines,
  maxNoteBytes,
  parseKey,
  type VerifierKey,
} from './signed-note.ts'

/** Checkpoints that are all kept; of older ones the first of each day stays. */
export const recentCheckpoints = 1000
const dayMs = 24 * 3600_000
/** Setting that holds which nodes disagree. */
export const disputesSetting = 'audit.disputes'
export const keyAction = 'audit.key-published'
export const disputedAction = 'audit.disputed'
export const settledAction = 'audit.dispute-settled'

/** A node's history differs from a checkpoint. */
export interface Dispute {
  node: string
  /** The first checkpoint that it could not confirm. */
  size: number
  /** The root that it has in its place, base64. */
  root: string
  /** Milliseconds since 1970. */
  at: number
}

interface CheckpointRow {
  size: number
  root: Buffer
  note: string
}

/** Puts a node's key into its row, and into the log itself, where it stays when the row goes. */
export function publishKey(
  applying: Applying,
  actor: Actor,
  { node, key }: { node: string; key: string },
): void {
  const row = applying.get<{ auditKey: string | null }>('SELECT auditKey FROM node WHERE id = ?', node)
  if (row === undefined) refuse('not-found', `There is no node ${node} in this facility.`)
  const parsed = parseKey(key)
  const origin = parsed?.name.replace(/[^/]*$/, 'audit') ?? ''
  if (parsed === null || !isOrigin(origin) || key !== encodeKey(cosignerKey({ ...parsed, origin, node })))
    refuse('bad-request', `This is no key for checkpoints of the node ${node}.`)
  if (row.auditKey === key) return
  applying.run('UPDATE node SET auditKey = ? WHERE id = ?', key, node)
  applying.changed('node', node)
  applying.audit(actor, { action: keyAction, target: node, detail: { key, before: row.auditKey } })
}

const key: Handler<{ node: string; key: string }> = (applying, p, actor) => publishKey(applying, actor, p)

/** A checkpoint with the line of the node that makes it. It is no event itself: each would be news for the next. */
const checkpoint: Handler<{ size: number; root: string; origin: string; node: string; line: string }> = (
  applying,
  p,
) => {
  const newest = applying.get<CheckpointRow>(
    'SELECT size, root, note FROM checkpoint ORDER BY size DESC LIMIT 1',
  )
  if (!Number.isSafeInteger(p.size) || p.size < 1 || p.size > applying.auditSeq)
    return refuse(
      'bad-request',
      `A checkpoint covers between 1 and ${applying.auditSeq} events, not ${p.size}.`,
    )
  if (newest !== undefined && p.size <= newest.size)
    return refuse('conflict', `There is a checkpoint of ${newest.size} events already.`)
  if (!isOrigin(p.origin) || (newest !== undefined && readCheckpoint(newest.note).origin !== p.origin))
    return refuse('bad-request', 'The checkpoint is of another audit log.')
  const root = rootOf(p.root)
  const made: Checkpoint = { origin: p.origin, size: p.size, root }
  if (!isLineBy(made, p.line, logKey(p.origin, keyOf(applying, p.node))))
    return refuse('bad-request', notSigned(p.node))
  applying.run(
    'INSERT INTO checkpoint (size, root, at, note) VALUES (?, ?, ?, ?)',
    p.size,
    root,
    applying.at,
    withLine(`${checkpointText(made)}\n`, p.line),
  )
  applying.changed('checkpoint', String(p.size))
  thinOut(applying)
  return p.size
}

/** The line of another node, which came to the same root from its own events. */
const cosign: Handler<{ size: number; node: string; line: string }> = (applying, p) => {
  const row = checkpointOf(applying, p.size)
  const signed = readCheckpoint(row.note)
  const by = keyOf(applying, p.node)
  if (signed.lines.some((line) => isBy(line, logKey(signed.origin, by))))
    return refuse('bad-request', `The node ${p.node} made this checkpoint itself.`)
  if (!isLineBy(signed, p.line, by)) return refuse('bad-request', notSigned(p.node))
  const known = signed.lines.some((line) => isBy(line, by))
  const note = withLine(row.note, p.line)
  if (!known) {
    if (signed.lines.length >= maxLines || Buffer.byteLength(note) > maxNoteBytes)
      return refuse('too-large', 'This checkpoint has as many signatures as it can hold.')
    applying.run('UPDATE checkpoint SET note = ? WHERE size = ?', note, p.size)
    applying.changed('checkpoint', String(p.size))
  }
  settle(applying, p)
}

/** A node came to another root. Told once for each node, until it agrees again. */
const disputed: Handler<{ size: number; node: string; root: string }> = (applying, p, actor) => {
  const row = checkpointOf(applying, p.size)
  keyOf(applying, p.node)
  const root = rootOf(p.root)
  if (root.equals(row.root))
    return refuse('bad-request', `The node ${p.node} has the root of the checkpoint.`)
  const disputes = disputesOf(applying)
  if (disputes.some((each) => each.node === p.node)) return
  storeDisputes(applying, [...disputes, { node: p.node, size: p.size, root: p.root, at: applying.at }])
  applying.audit(actor, {
    action: disputedAction,
    target: p.node,
    outcome: 'refused',
    detail: { size: p.size, root: p.root, checkpointRoot: row.root.toString('base64') },
  })
}

/** A node that confirms a checkpoint behind the one it could not confirm has the others' history again. */
function settle(applying: Applying, p: { size: number; node: string }): void {
  const disputes = disputesOf(applying)
  const settled = disputes.find((each) => each.node === p.node && p.size >= each.size)
  if (settled === undefined) return
  storeDisputes(
    applying,
    disputes.filter((each) => each !== settled),
  )
  applying.audit(systemActor, {
    action: settledAction,
    target: p.node,
    detail: { size: settled.size, confirmed: p.size },
  })
}

function disputesOf(applying: Applying): Dispute[] {
  return (applying.directory.settings.get(disputesSetting)?.value ?? []) as Dispute[]
}

function storeDisputes(applying: Applying, disputes: Dispute[]): void {
  applying.run(
    'INSERT INTO setting (key, value, updatedAt) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = version + 1, updatedAt = excluded.updatedAt',
    disputesSetting,
    JSON.stringify(disputes),
    applying.at,
  )
  applying.changed('setting', disputesSetting)
}

function checkpointOf(applying: Applying, size: number): CheckpointRow {
  const row = Number.isSafeInteger(size)
    ? applying.get<CheckpointRow>('SELECT size, root, note FROM checkpoint WHERE size = ?', size)
    : undefined
  return row ?? refuse('not-found', `There is no checkpoint of ${size} events.`)
}

/** The key in a node's row. */
function keyOf(applying: Applying, node: string): VerifierKey {
  const row = applying.get<{ auditKey: string | null }>('SELECT auditKey FROM node WHERE id = ?', node)
  if (row === undefined) return refuse('not-found', `There is no node ${node} in this facility.`)
  const parsed = row.auditKey === null ? null : parseKey(row.auditKey)
  return parsed ?? refuse('bad-request', `The node ${node} has published no key for checkpoints.`)
}

function rootOf(text: string): Buffer {
  const root = decodeBase64(text)
  return root?.length === hashBytes ? root : refuse('bad-request', 'A root has 32 bytes in base64.')
}

/** Looks at the one checkpoint that has just become old. */
function thinOut(applying: Applying): void {
  const [old, before] = applying.all<{ size: number; at: number }>(
    'SELECT size, at FROM checkpoint ORDER BY size DESC LIMIT 2 OFFSET ?',
    recentCheckpoints,
  )
  if (old === undefined || before === undefined) return
  if (Math.floor(old.at / dayMs) === Math.floor(before.at / dayMs))
    applying.run('DELETE FROM checkpoint WHERE size = ?', old.size)
}

const notSigned = (node: string) => `The line is not a signature of the node ${node} under this checkpoint.`

export const auditHandlers = {
  'audit.key': key,
  'audit.checkpoint': checkpoint,
  'audit.cosign': cosign,
  'audit.disputed': disputed,
}
