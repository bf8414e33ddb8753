/** Checkpoints and proofs as an auditor takes them away, against a real node; then somebody rewrites its history. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDatabase } from '@holdfast/db'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually, ownerName, startNode, type TestNode, testPassword } from '../../test/harness.ts'
import { rewriteHistory } from '../services/audit/test-cluster.ts'

const command = join(import.meta.dirname, '../../../../bin/holdfast')

let node: TestNode
let home: string

function holdfast(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...process.env, XDG_CONFIG_HOME: home } })
    let out = ''
    let err = ''
    child.stdout.on('data', (chunk) => (out += chunk))
    child.stderr.on('data', (chunk) => (err += chunk))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, out, err }))
    child.stdin.end()
  })
}

const file = (name: string) => join(home, name)

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-audit-cli-'))
  writeFileSync(file('password'), `${testPassword}\n`, { mode: 0o600 })
  node = await startNode()
  writeFileSync(file('ca.pem'), node.ca)
  const who = ['--url', node.url, '--user', ownerName, '--password-file', file('password')]
  expect(await holdfast('login', ...who, '--ca', file('ca.pem'), '--no-device')).toMatchObject({ code: 0 })
})
afterAll(async () => {
  await node[Symbol.asyncDispose]()
  rmSync(home, { recursive: true, force: true })
})

test('a checkpoint is made, kept, and compared with the log later', async () => {
  const made = await holdfast('audit', 'checkpoint', '--new')
  expect(made).toMatchObject({ code: 0, err: expect.stringContaining('signed by') })
  expect(made.out).toMatch(/^holdfast\/[0-9a-f]{16}\/audit\n\d+\n[A-Za-z0-9+/]{43}=\n\n— holdfast\//)
  writeFileSync(file('checkpoint'), made.out)
  await node.owner.api.people.add.mutate({ name: 'dora' })
  for (const against of [file('checkpoint'), node.url]) {
    const verified = await holdfast('audit', 'verify', '--against', against)
    expect(verified).toMatchObject({
      code: 0,
      out: expect.stringContaining('It agrees with the given checkpoint'),
    })
  }
  const status = JSON.parse((await holdfast('audit', 'checkpoint', '--json')).out)
  expect(status).toMatchObject({
    newest: { signatures: [{ isMaker: true, at: null }] },
    disputes: [],
    consistency: null,
  })
})

test('an event is proved, and the proof is checked without a node', async () => {
  await node.owner.api.people.add.mutate({ name: 'emil' })
  const { rows } = await node.owner.api.audit.search.query({ action: 'person.added' })
  const seq = String(rows[0]?.seq)
  expect(await holdfast('audit', 'prove', seq, '--out', file('proof'))).toMatchObject({ code: 0 })
  const { out: keys } = await holdfast('audit', 'keys')
  writeFileSync(file('keys'), keys)
  const checked = await holdfast('audit', 'check-proof', file('proof'), '--keys', file('keys'))
  expect(checked).toMatchObject({ code: 0, out: expect.stringContaining('emil'), err: '' })
  expect(await holdfast('audit', 'check-proof', file('proof'))).toMatchObject({
    code: 0,
    err: expect.stringContaining('names itself'),
  })
  writeFileSync(file('forged'), readFileSync(file('proof'), 'utf8').replaceAll('emil', 'erna'))
  expect(await holdfast('audit', 'check-proof', file('forged'), '--keys', file('keys'))).toMatchObject({
    code: 1,
  })
  expect(await holdfast('audit', 'check-proof', file('password'))).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^holdfast: [^\n]+\n$/),
  })
  expect(await holdfast('audit', 'prove', '100000')).toMatchObject({ code: 1 })
})

test('the events of the log have no end of their own: checkpoints are no events', async () => {
  await holdfast('audit', 'checkpoint', '--new')
  const before = await node.owner.api.audit.search.query({})
  const first = (await node.owner.api.audit.takeCheckpoint.mutate()).newest
  const second = (await node.owner.api.audit.takeCheckpoint.mutate()).newest
  expect(second).toEqual(first)
  expect((await node.owner.api.audit.search.query({})).total).toBe(before.total)
})

/** Last: it stops the node. */
test('a history that was rewritten, files and chain and all, is found by the checkpoint that was kept', async () => {
  await node.stop()
  const verify = () => holdfast('audit', 'verify', '--data', node.dataDir, '--against', file('checkpoint'))
  expect(await verify()).toMatchObject({ code: 0 })
  const db = openDatabase(join(node.dataDir, 'cluster.db'), { role: 'writer' })
  rewriteHistory(db, 1, (event) => ({ ...event, remote: '10.6.6.6' }))
  db.exec('DELETE FROM checkpoint')
  db.close()
  rmSync(join(node.dataDir, 'audit'), { recursive: true, force: true })
  // The node itself writes the files anew and signs what it has now.
  await node.startAgain()
  await eventually(
    'a checkpoint',
    async () => (await node.owner.api.audit.checkpoint.query({})).newest !== null,
  )
  const verified = await holdfast('audit', 'verify', '--against', file('checkpoint'), '--json')
  expect(verified.code).toBe(1)
  const { ok, faults } = JSON.parse(verified.out) as { ok: boolean; faults: string[] }
  expect(ok).toBe(false)
  expect(faults.join('\n')).toContain('are not those that were signed')
  expect(faults.join('\n')).toContain('cannot prove that its newest checkpoint')
  await node.stop()
  expect(await holdfast('audit', 'verify', '--data', node.dataDir)).toMatchObject({ code: 0 })
  expect(await verify()).toMatchObject({
    code: 1,
    out: expect.stringContaining('are not those that were signed'),
  })
  rmSync(join(node.dataDir, 'secrets', 'audit.pem'))
  expect(await holdfast('audit', 'verify', '--data', node.dataDir)).toMatchObject({
    code: 1,
    out: expect.stringContaining('the key by which this node signs checkpoints is gone'),
  })
})
