import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { joinState, noteJoin, readJoinOffer } from './join-offer.ts'
import { joinUnattended } from './join-unattended.ts'
import { LocalNodeError } from './local-node.ts'
import { appliancePaths } from './paths.ts'
import { parseSetupFile } from './setup-file.ts'
import { ToolError } from './tools.ts'
import { setUpUnattended } from './unattended.ts'

const code = `HF1-${'abcdefgh'.repeat(8)}`
const joining = { join: code, nodeName: 'kaldvik-2' }
const setupCode = 'FAE4-XX9Z'

let root: string
let said: string[]
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-unattended-'))
  said = []
  for (const path of [paths().node, join(root, 'run'), join(root, 'credentials')])
    mkdirSync(path, { recursive: true })
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const paths = () => appliancePaths(root)
const say = (line: string) => void said.push(line)

function offer(value: unknown, run: () => Promise<string> = async () => ''): Promise<boolean> {
  const credentials = join(root, 'credentials')
  writeFileSync(join(credentials, 'holdfast.setup'), JSON.stringify(value))
  return setUpUnattended({ paths: paths(), credentials, run, owner: { uid: 0, gid: 0 }, say })
}

/** A daemon that gives these answers to the join, one after the other; the last one again and again. */
function daemon(...answers: (LocalNodeError | Error | { facility: string })[]) {
  const calls: unknown[] = []
  return {
    calls,
    readiness: async () => ({ ready: true as const }),
    mutate: async (_procedure: string, input: unknown) => {
      const answer = answers[Math.min(calls.length, answers.length - 1)]
      calls.push(input)
      if (answer instanceof Error) throw answer
      return answer
    },
  }
}

const attempt = (node: ReturnType<typeof daemon>, patienceMs = 10_000) =>
  joinUnattended({
    paths: paths(),
    node,
    addresses: () => ['10.0.0.6'],
    say,
    patienceMs,
    stepMs: { first: 1, most: 2 },
  })

test('a code of an invitation is left for the daemon, for nobody else to read', async () => {
  expect(await offer(joining)).toBe(true)
  expect(readJoinOffer(paths())).toEqual(joining)
  expect(statSync(paths().joinOffer).mode & 0o777).toBe(0o600)
  expect(said.join()).toContain('kaldvik-2')
  expect(said.join()).not.toContain(code)
})

test('a node that is set up takes no offer; one that only started once does', async () => {
  writeFileSync(join(paths().node, 'cluster.db'), '')
  expect(await offer(joining)).toBe(false)
  writeFileSync(join(paths().node, 'setup-code'), setupCode)
  expect(await offer(joining)).toBe(true)
})

test.each([
  [{ join: 'short', nodeName: 'kaldvik-2' }, /wrong at join/],
  [{ join: code }, /wrong at nodeName/],
  [{ ...joining, password: 'x' }, /password/],
  [{ nodeName: 'kaldvik-2' }, /wrong at facility/],
])('what is wrong with an offer is named on the console: %j', async (value, reason) => {
  expect(await offer(value)).toBe(false)
  expect(said.join()).toMatch(reason)
  expect(existsSync(paths().joinOffer)).toBe(false)
})

test('an address that cannot be set does not keep the node from starting', async () => {
  const network = { address: '10.0.0.6/24' }
  const failing = async () => {
    throw new ToolError('networkctl', 'no bus')
  }
  expect(await offer({ ...joining, network }, failing)).toBe(false)
  expect(said.join()).toMatch(/SET-UP-REFUSED networkctl failed/)
})

test('the address of a set-up has its default time servers', () => {
  const network = { address: '10.0.0.6/24' }
  expect(parseSetupFile(JSON.stringify({ ...joining, network }), 'a test')).toMatchObject({
    network: { ntp: [] },
  })
})

test('a cluster that cannot be reached is asked again, and each reason is said once', async () => {
  await offer(joining)
  writeFileSync(join(paths().node, 'setup-code'), `${setupCode}\n`)
  const away = new LocalNodeError('busy', 'https://10.0.0.5 cannot be reached.')
  const electing = new LocalNodeError('no-quorum', 'The cluster has no leader now.')
  const node = daemon(away, away, away, electing, new Error('the node does not answer'), {
    facility: 'Kaldvik',
  })
  expect(await attempt(node)).toBe(true)
  expect(node.calls).toHaveLength(6)
  expect(node.calls[0]).toEqual({ setupCode, code, nodeName: 'kaldvik-2' })
  expect(said.slice(1)).toEqual([
    'JOIN-WAITS https://10.0.0.5 cannot be reached.',
    'JOIN-WAITS The cluster has no leader now.',
    'JOIN-WAITS the node does not answer',
    'JOINED Kaldvik, node kaldvik-2',
  ])
  expect(joinState(paths())).toBe('done: Kaldvik')
  expect(existsSync(paths().joinOffer)).toBe(false)
})

test('a code that is used up or too old is refused on the console, once and for good', async () => {
  await offer(joining)
  writeFileSync(join(paths().node, 'setup-code'), setupCode)
  const node = daemon(new LocalNodeError('wrong-code', 'The invitation was used already; make a new one.'))
  expect(await attempt(node)).toBe(false)
  expect(node.calls).toHaveLength(1)
  expect(said.at(-1)).toMatch(/^JOIN-REFUSED The invitation was used already.*holdfast cluster invite/)
  expect(joinState(paths())).toMatch(/^refused: The invitation was used already/)
  expect(await attempt(node)).toBe(null)
})

test('the asking ends', async () => {
  await offer(joining)
  writeFileSync(join(paths().node, 'setup-code'), setupCode)
  const node = daemon(new LocalNodeError('busy', 'https://10.0.0.5 cannot be reached.'))
  expect(await attempt(node, 20)).toBe(false)
  expect(said.at(-1)).toMatch(/^JOIN-REFUSED https:\/\/10\.0\.0\.5 cannot be reached/)
})

test('a person who sets the node up meanwhile ends it', async () => {
  await offer(joining)
  expect(await attempt(daemon({ facility: 'never asked' }))).toBe(null)
  expect(said.join()).not.toContain('JOINED')
})

test('what a join has come to is read back as one line', async () => {
  expect(joinState(paths())).toBe(null)
  await noteJoin(paths(), 'waits: x')
  expect(joinState(paths())).toBe('waits: x')
  expect(readFileSync(paths().joinState, 'utf8')).toBe('waits: x\n')
})
