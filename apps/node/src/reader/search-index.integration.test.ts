import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openDatabase } from '@holdfast/db'
import { test } from 'vitest'
import { eventually, startNode } from '../../test/harness.ts'

test.each([
  ['is no database', (file: string) => writeFileSync(file, 'this is no database\n'.repeat(500))],
  ['is damaged inside', damageTables],
])('regression: an index that %s is made anew, and the node starts', async (_, damage) => {
  await using node = await startNode()
  const channel = await node.newChannel([])
  const client = await node.connect(node.owner)
  await client.say(channel, 'where are the keys')
  const { api } = node.owner
  const found = async () => (await api.messages.search.query({ text: 'keys' })).hits.length > 0
  await eventually('the message is indexed', found)
  await node.stop()
  damage(join(node.dataDir, 'search.db'))
  await node.startAgain()
  await eventually('the message is indexed again', found)
})

/** Overwrites the root pages of the index's tables, the schema left whole. */
function damageTables(file: string): void {
  const db = openDatabase(file, { role: 'writer' })
  const pages = db
    .prepare("SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND rootpage > 1")
    .pluck()
    .all() as number[]
  const pageBytes = db.pragma('page_size', { simple: true }) as number
  db.pragma('journal_mode = DELETE')
  db.close()
  const bytes = readFileSync(file)
  for (const page of pages) bytes.fill(0xee, (page - 1) * pageBytes, page * pageBytes)
  writeFileSync(file, bytes)
}
