import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { messageKey, seqOf } from '../../apps/node/src/state/keys.ts'
import { acknowledgedLine, type LoadResult, type RoomResult } from '../driver/plan.ts'
import { BenchError } from '../lib/bench-error.ts'

/** What was acknowledged anywhere is applied everywhere a moment later; a hang guard. */
const settleGuardMs = 120_000
const settlePollMs = 100
const textKind = 0

export interface StoredNode {
  name: string
  dataDir: string
}

/**
 * Reads the database of every node: each acknowledged message stands in it exactly once, in the place that was
 * acknowledged, with nothing else between, and the chains of all nodes are equal.
 */
export async function verifyNodes(
  nodes: readonly StoredNode[],
  results: readonly LoadResult[],
  guardMs = settleGuardMs,
): Promise<void> {
  const rooms = results.flatMap((result) => result.rooms)
  const databases = nodes.map(({ name, dataDir }) => ({
    name,
    db: new Database(join(dataDir, 'cluster.db'), { readonly: true }),
  }))
  try {
    await equalChains(databases, guardMs)
    for (const { name, db } of databases) {
      for (const room of rooms) verifyRoom(name, db, room)
      const expected = rooms.reduce((sum, room) => sum + room.acknowledged, 0)
      const stored = db.prepare('SELECT COUNT(*) FROM message WHERE kind = ?').pluck().get(textKind) as number
      if (stored !== expected)
        throw new BenchError(`${name} stores ${stored} messages, and ${expected} were acknowledged`)
    }
  } finally {
    for (const { db } of databases) db.close()
  }
}

interface OpenNode {
  name: string
  db: Database.Database
}

async function equalChains(nodes: readonly OpenNode[], guardMs: number): Promise<void> {
  const deadline = performance.now() + guardMs
  for (;;) {
    const chains = nodes.map(({ db }) =>
      JSON.stringify(db.prepare('SELECT "index", lower(hex(chain)) AS chain FROM applied').get()),
    )
    if (chains[0] !== undefined && new Set(chains).size === 1) return
    if (performance.now() > deadline)
      throw new BenchError(
        `the nodes do not come to the same chain: ${nodes.map(({ name }, i) => `${name} ${chains[i]}`).join(', ')}`,
      )
    await sleep(settlePollMs)
  }
}

function verifyRoom(node: string, db: Database.Database, room: RoomResult): void {
  const channel = db.prepare('SELECT no FROM channel WHERE name = ?').pluck().get(room.address) as number
  const rows = db
    .prepare<unknown[], [key: number, clientId: string]>(
      'SELECT key, clientId FROM message WHERE key >= ? AND key < ? AND kind = ? ORDER BY key',
    )
    .raw()
    .iterate(messageKey(channel, 0), messageKey(channel + 1, 0), textKind)
  const digest = createHash('sha256')
  let stored = 0
  for (const [key, id] of rows) {
    digest.update(acknowledgedLine(seqOf(key), id))
    stored++
  }
  if (stored !== room.acknowledged)
    throw new BenchError(
      `${node} stores ${stored} messages of ${room.address}, and ${room.acknowledged} were acknowledged`,
    )
  if (stored > 0 && digest.digest('hex') !== room.digest)
    throw new BenchError(
      `${node} has other messages in ${room.address}, or elsewhere, than were acknowledged`,
    )
}
