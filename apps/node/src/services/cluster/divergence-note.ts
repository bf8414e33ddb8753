/**
 * A node whose state differs serves nobody and takes that of another one within seconds. What it found stays in node.db
 * meanwhile, and goes into the audit log as soon as the node may write again: somebody has to ask why.
 */
import * as z from 'zod'
import type { Core } from '../../core.ts'
import { systemActor } from '../../state/commands.ts'

/** Row of node_setting. */
const key = 'cluster.divergence'
const noteSchema = z.object({ index: z.number() })

export function rememberDivergence({ folder, clock }: Core, index: number): void {
  folder.nodeDb
    .prepare(
      'INSERT INTO node_setting (key, value, updatedAt) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value, updatedAt = excluded.updatedAt',
    )
    .run(key, JSON.stringify({ index }), clock.now())
}

/** Writes what is remembered into the log, which takes changes. */
export async function noteDivergence({ folder, proposer }: Core): Promise<void> {
  const row = folder.nodeDb.prepare('SELECT value, updatedAt FROM node_setting WHERE key = ?').get(key) as
    | { value: string; updatedAt: number }
    | undefined
  if (row === undefined) return
  const note = noteSchema.safeParse(JSON.parse(row.value))
  const { nodeId: node, nodeName: name } = folder.identity
  const { auditReplaced } = folder.installation
  if (note.success)
    await proposer.propose('cluster.noted', systemActor, {
      node,
      action: 'diverged',
      detail: { name, index: note.data.index, foundAt: row.updatedAt, auditKept: auditReplaced },
    })
  folder.nodeDb.prepare('DELETE FROM node_setting WHERE key = ?').run(key)
}
