import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { noteSetup, readJoinOffer, setupState } from './join-offer.ts'
import { joinUnattended } from './join-unattended.ts'
import { LocalNodeError } from './local-node.ts'
import { appliancePaths } from './paths.ts'
import { parseSetupFile } from './setup-file.ts'
import { ToolError } from './tools.ts'
import { setUpUnattended, setupOnStick, stickFile } from './unattended.ts'

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
  [{ ...joining, network: { address: '10.0.0.300/24' } }, /wrong at network\.address.*with its prefix/],
  [{ ...joining, network: { address: '10.0.0.6/99' } }, /wrong at network\.address/],
  [{ ...joining, network: { address: 'fe80::1%eth0/64' } }, /wrong at network\.address/],
  [{ ...joining, network: { address: '10.0.0.6/24', gateway: '10.0.0' } }, /wrong at network\.gateway/],
  [{ ...joining, network: { address: '10.0.0.6/24', ntp: ['time'] } }, /wrong at network\.ntp\.0/],
  [{ ...joining, network: { address: '10.0.0.255/24' } }, /10\.0\.0\.255 is no address of a machine/],
  [{ ...joining, network: { address: '10.0.0.0/24' } }, /10\.0\.0\.0 is no address of a machine/],
  [{ ...joining, network: { address: '224.0.0.5/24' } }, /224\.0\.0\.5 is no address of a machine/],
  [{ ...joining, network: { address: '127.0.0.1/8' } }, /127\.0\.0\.1 is no address of a machine/],
  [
    { ...joining, network: { address: '10.0.0.6/24', gateway: '10.0.1.1' } },
    /10\.0\.1\.1 is not in the network of/,
  ],
  [{ ...joining, network: { address: '10.0.0.6/24', gateway: '10.0.0.6' } }, /must be another machine/],
  [{ ...joining, network: { address: 'fd00::6/64', gateway: '10.0.0.1' } }, /is not in the network of/],
  [
    { facility: 'Port', nodeName: 'one', owner: 'ingrid', password: 'x' },
    /wrong at password: The password has 1 char/,
  ],
])('what is wrong with an offer is named on the console: %j', async (value, reason) => {
  expect(await offer(value)).toBe(false)
  expect(said.join()).toMatch(reason)
  expect(setupState(paths())).toMatch(/^refused: /)
  expect(setupState(paths())).toMatch(reason)
  expect(existsSync(paths().joinOffer)).toBe(false)
})

test.each([
  { address: '10.0.0.6/24', gateway: '10.0.0.1' },
  { address: '10.0.0.0/31', gateway: '10.0.0.1' },
  { address: '203.0.112.255/23', gateway: '203.0.112.1' },
  { address: 'fd00::6/64', gateway: 'fe80::1' },
  { address: '2001:db8::6/64', gateway: '2001:db8::1' },
])('an address and a gateway of its network are taken: %j', async (network) => {
  expect(await offer({ ...joining, network })).toBe(true)
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
  expect(setupState(paths())).toBe('done: Kaldvik')
  expect(existsSync(paths().joinOffer)).toBe(false)
})

test('a code that is used up or too old is refused on the console, once and for good', async () => {
  await offer(joining)
  writeFileSync(join(paths().node, 'setup-code'), setupCode)
  const node = daemon(new LocalNodeError('wrong-code', 'The invitation was used already; make a new one.'))
  expect(await attempt(node)).toBe(false)
  expect(node.calls).toHaveLength(1)
  expect(said.at(-1)).toMatch(/^JOIN-REFUSED The invitation was used already.*holdfast cluster invite/)
  expect(setupState(paths())).toMatch(/^refused: The invitation was used already/)
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
  expect(setupState(paths())).toBe(null)
  await noteSetup(paths(), 'waits: x')
  expect(setupState(paths())).toBe('waits: x')
  expect(readFileSync(paths().setupState, 'utf8')).toBe('waits: x\n')
})

/** A stick with what `signer.pem` signed, and the root that the image trusts. Both certificates have ended. */
function signedStick(): string {
  const folder = join(root, 'stick')
  const at = (name: string) => join(folder, name)
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  mkdirSync(folder)
  for (const name of ['ca', 'signer']) {
    openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', `${name}.key`)
    openssl('req', '-new', '-key', `${name}.key`, '-subj', `/CN=${name}`, '-out', `${name}.csr`)
    writeFileSync(at(`${name}.ext`), `basicConstraints=critical,CA:${name === 'ca' ? 'TRUE' : 'FALSE'}\n`)
    const by = name === 'ca' ? ['-key', 'ca.key'] : ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial']
    const [request, made] = [`${name}.csr`, `${name}.pem`]
    openssl('x509', '-req', '-in', request, ...by, '-days', '0', '-extfile', `${name}.ext`, '-out', made)
  }
  writeFileSync(at('setup.json'), JSON.stringify(joining))
  const how = ['-sign', '-nodetach', '-binary', '-outform', 'DER', '-in', 'setup.json', '-out', stickFile]
  openssl('cms', ...how, '-signer', 'signer.pem', '-inkey', 'signer.key')
  mkdirSync(join(root, 'usr/lib/holdfast/keys'), { recursive: true })
  writeFileSync(paths().setupRoot, readFileSync(at('ca.pem')))
  return folder
}

test('a stick is taken on a machine whose clock is outside the time of the certificates', () => {
  const stick = signedStick()
  const { validTo } = new X509Certificate(readFileSync(paths().setupRoot))
  expect(Date.parse(validTo)).toBeLessThanOrEqual(Date.now())
  expect(setupOnStick(stick, paths())).toEqual(joining)
})

test('a stick without the file brings nothing; one that is not signed, or no file, is refused by name', () => {
  const stick = signedStick()
  const file = join(stick, stickFile)
  rmSync(file)
  expect(setupOnStick(stick, paths())).toBe(null)
  writeFileSync(file, JSON.stringify(joining))
  expect(() => setupOnStick(stick, paths())).toThrow(/is not signed by somebody this image trusts/)
  rmSync(file)
  mkdirSync(file)
  expect(() => setupOnStick(stick, paths())).toThrow(/cannot be read/)
})
