import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { copyDatabases } from './settle-update.ts'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'holdfast-settle-'))
  return async () => await rm(home, { recursive: true, force: true })
})

test('regression: a link in the place of a database is not copied, so that going back cannot give away what it leads to', async () => {
  const node = join(home, 'node')
  mkdirSync(node)
  writeFileSync(join(home, 'of-root'), 'a secret of root')
  writeFileSync(join(node, 'node.db'), 'a database')
  symlinkSync(join(home, 'of-root'), join(node, 'cluster.db'))
  await expect(copyDatabases(node, join(home, 'copies'))).rejects.toThrow('cluster.db is no file of its own')
  expect(existsSync(join(home, 'copies'))).toBe(false)
})
