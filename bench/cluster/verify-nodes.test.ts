import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clusterMigrations, migrate, openDatabase } from '@holdfast/db'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { messageKey } from '../../apps/node/src/state/keys.ts'
import { acknowledgedLine, type LoadResult } from '../driver/plan.ts'
import { verifyNodes } from './verify-nodes.ts'

const address = 'room'
const ids = ['a', 'b', 'c']
let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-verify-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** A node whose channel 1 has these messages from sequence 2 on, after an entry of another kind. */
function node(name: string, messages: string[], chain = 'aa') {
  const dataDir = join(folder, name)
  mkdirSync(dataDir)
  const db = openDatabase(join(dataDir, 'cluster.db'), { role: 'writer' })
  migrate(db, clusterMigrations)
  db.pragma('foreign_keys = OFF')
  insert(db, 'channel', { no: 1, id: 'c_1', name: address })
  insert(db, 'message', { key: messageKey(1, 1), clientId: 'joined', kind: 1 })
  for (const [index, clientId] of messages.entries())
    insert(db, 'message', { key: messageKey(1, index + 2), clientId, kind: 0 })
  insert(db, 'applied', { id: 1, index: 7, chain: Buffer.from(chain, 'hex') })
  db.close()
  return { name, dataDir }
}

/** With a neutral value in every other column that must not be null. */
function insert(db: ReturnType<typeof openDatabase>, table: string, given: Record<string, unknown>): void {
  const columns = db.pragma(`table_info(${table})`) as { name: string; type: string; notnull: number }[]
  const row = Object.fromEntries(
    columns
      .filter(({ name, notnull }) => name in given || notnull)
      .map(({ name, type }) => [name, name in given ? given[name] : type === 'TEXT' ? '' : 0]),
  )
  const names = Object.keys(row)
  const places = names.map(() => '?').join()
  db.prepare(`INSERT INTO ${table} (${names.map((name) => `"${name}"`).join()}) VALUES (${places})`).run(
    ...Object.values(row),
  )
}

function acknowledged(messages: string[]): LoadResult {
  const lines = messages.map((id, index) => acknowledgedLine(index + 2, id)).join('')
  const digest = createHash('sha256').update(lines).digest('hex')
  return { rooms: [{ address, acknowledged: messages.length, digest }] } as LoadResult
}

test('nodes that have what was acknowledged pass', async () => {
  await verifyNodes([node('n1', ids), node('n2', ids), node('n3', ids)], [acknowledged(ids)])
})

test.each([
  ['a lost message', ['a', 'b']],
  ['a message too many', ['a', 'b', 'c', 'd']],
  ['another message in its place', ['a', 'x', 'c']],
  ['messages in another order', ['b', 'a', 'c']],
])('%s on one node is found', async (_, stored) => {
  const nodes = [node('n1', ids), node('n2', ids), node('n3', stored)]
  await expect(verifyNodes(nodes, [acknowledged(ids)])).rejects.toThrow(/^n3 /)
})

test('a message in a channel of nobody is found', async () => {
  const one = node('n1', ids)
  const db = openDatabase(join(one.dataDir, 'cluster.db'), { role: 'writer' })
  db.pragma('foreign_keys = OFF')
  insert(db, 'message', { key: messageKey(2, 1), clientId: 'stray', kind: 0 })
  db.close()
  await expect(verifyNodes([one], [acknowledged(ids)])).rejects.toThrow('n1 stores 4 messages, and 3 were')
})

test('chains that stay apart are found', async () => {
  const nodes = [node('n1', ids), node('n2', ids, 'bb')]
  await expect(verifyNodes(nodes, [acknowledged(ids)], 50)).rejects.toThrow('do not come to the same chain')
})
