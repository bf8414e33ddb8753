/** What stops a start: each in one line that says what is wrong and how to mend it, with exit code 1 and no stack. */
import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDatabase } from '@holdfast/db'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ownerName, startNode, testPassword } from '../harness.ts'
import { type Finished, holdfast, initialize, keepQuiet, type RunOptions } from '../node-process.ts'

let home: string
let template: string
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-faults-'))
  template = join(home, 'template')
  await initialize({
    dataDir: template,
    facility: 'Testbed',
    nodeName: 'node1',
    admin: ownerName,
    password: testPassword,
  })
  keepQuiet(template)
})
afterAll(() => rmSync(home, { recursive: true, force: true }))

/** A data folder of its own for one test. */
function freshFolder(): string {
  const folder = mkdtempSync(join(home, 'data-'))
  cpSync(template, folder, { recursive: true })
  return folder
}

async function start(
  dataDir: string,
  flags: string[] = ['--port', '0'],
  options: RunOptions = {},
): Promise<Finished> {
  return holdfast(['serve', '--data', dataDir, ...flags], options)
}

/** The one line on standard error, checked for its form. */
function oneLine({ code, stderr }: Finished, expectedCode = 1): string {
  const lines = stderr.split('\n').filter((line) => line !== '')
  // The log of what happened until then may stand before it.
  const said = lines.filter((line) => !line.startsWith('{'))
  expect(said, stderr).toHaveLength(1)
  expect(stderr).not.toMatch(/\n\s+at |node:internal/)
  expect(code).toBe(expectedCode)
  expect(said[0]).toMatch(/^holdfast: .{20,}/)
  return said[0] ?? ''
}

test('a port that is taken', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '::', resolve))
  const { port } = server.address() as { port: number }
  expect(oneLine(await start(freshFolder(), ['--port', String(port)]))).toContain(
    `Port ${port} is taken by another program: stop it or start with --port`,
  )
  server.close()
})

test('a port that is none', async () => {
  const line = oneLine(await start(freshFolder(), ['--port', '99999']), 2)
  expect(line).toContain('--port')
})

test('a privileged port without the right to it', async () => {
  const finished = await start(freshFolder(), ['--port', '443'], { unprivileged: true })
  expect(oneLine(finished)).toMatch(/Port 443 needs a right .* 1024 or above/)
})

test('an address that is not of this machine', async () => {
  const line = oneLine(await start(freshFolder(), ['--port', '0', '--host', '192.0.2.1']))
  expect(line).toContain('has no address 192.0.2.1')
})

test('a key that cannot be read', async () => {
  const folder = freshFolder()
  for (const key of keyFiles(folder)) chmodSync(key, 0o000)
  const line = oneLine(await start(folder, ['--port', '0'], { unprivileged: true }))
  expect(line).toContain(join(folder, 'secrets'))
})

test('a key that everybody can read', async () => {
  const folder = freshFolder()
  for (const key of keyFiles(folder)) chmodSync(key, 0o644)
  expect(oneLine(await start(folder))).toMatch(/chmod|0600|600/)
})

test('a damaged key', async () => {
  const folder = freshFolder()
  for (const key of keyFiles(folder)) {
    const text = readFileSync(key, 'utf8')
    writeFileSync(key, text.replace(/[A-Za-z0-9+/]{20}/, 'AAAAAAAAAAAAAAAAAAAA'))
  }
  expect(oneLine(await start(folder))).toMatch(/secrets\/\w+\.pem is damaged: restore it from a backup/)
})

test('a database of a newer version', async () => {
  const folder = freshFolder()
  changeBooks(
    folder,
    "INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count) VALUES ('x', 'x', '99990101000000_later', 'now', 1)",
  )
  expect(oneLine(await start(folder))).toMatch(
    /made by a newer Holdfast .*: install that version or restore a backup/,
  )
})

test('a migration with another text', async () => {
  const folder = freshFolder()
  changeBooks(folder, "UPDATE _prisma_migrations SET checksum = 'other'")
  expect(oneLine(await start(folder))).toMatch(
    /another text of migration .*: install the version that wrote it/,
  )
})

test('a database file that is none', async () => {
  const folder = freshFolder()
  for (const name of readdirSync(folder)) if (name.startsWith('cluster.db')) rmSync(join(folder, name))
  writeFileSync(join(folder, 'cluster.db'), 'this is no database, whatever its name says\n'.repeat(100))
  expect(oneLine(await start(folder))).toMatch(
    /cluster\.db is not a database: restore cluster\.db from a backup/,
  )
})

test('regression: a database that is damaged inside ends the start, which waited for ever', async () => {
  const folder = freshFolder()
  const file = join(folder, 'cluster.db')
  const db = openDatabase(file, { role: 'writer' })
  const page = db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'person'").pluck().get() as number
  db.pragma('wal_checkpoint(TRUNCATE)')
  db.close()
  const bytes = readFileSync(file)
  bytes.fill(0xee, (page - 1) * 4096, page * 4096)
  writeFileSync(file, bytes)
  expect(oneLine(await start(folder))).toMatch(
    /cluster\.db cannot be read \(.*malformed.*\): restore cluster\.db from a backup/,
  )
})

test('a data folder that is in use', async () => {
  await using node = await startNode()
  const line = oneLine(await start(node.dataDir))
  expect(line).toContain(`${node.dataDir} is in use by another Holdfast, process ${node.pid}`)
  expect((await node.http().call('/healthz')).status).toBe(200)
})

test('a data folder that cannot be written', async () => {
  const folder = freshFolder()
  chmodSync(folder, 0o500)
  const line = oneLine(await start(folder, ['--port', '0'], { unprivileged: true }))
  expect(line).toContain(folder)
})

test('init on a folder that holds a facility', async () => {
  const folder = freshFolder()
  const passwordFile = join(home, 'password')
  writeFileSync(passwordFile, testPassword)
  const names = ['--facility', 'Other', '--node', 'other', '--admin', 'other']
  const done = await holdfast(['init', '--data', folder, ...names, '--admin-password-file', passwordFile])
  expect(oneLine(done)).toMatch(/holds the facility Testbed already: serve it, or choose an empty folder/)
})

function keyFiles(folder: string): string[] {
  const secrets = join(folder, 'secrets')
  return readdirSync(secrets).map((name) => join(secrets, name))
}

function changeBooks(folder: string, sql: string): void {
  const db = openDatabase(join(folder, 'cluster.db'), { role: 'writer' })
  db.exec(sql)
  db.close()
}
