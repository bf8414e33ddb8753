/**
 * The command when the address it knows best goes away: a relay before a real node is one more address of it, and can be
 * silenced or closed.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, connect as dial, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually, ownerName, startNode, type TestNode, testPassword } from '../../test/harness.ts'

const command = join(import.meta.dirname, '../../../../bin/holdfast')
const deadUrl = 'https://127.0.0.1:1'

/** An address that leads to the node, until it does not. */
class Relay implements AsyncDisposable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #isSilent = false

  private constructor(server: Server) {
    this.#server = server
  }

  static async to(port: number): Promise<Relay> {
    const server = createServer((near) => relay.#join(near, dial(port, '127.0.0.1')))
    const relay = new Relay(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return relay
  }

  get url(): string {
    const address = this.#server.address()
    return `https://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  }

  /** Nothing gets through any more, and nothing is closed: as when the line is cut. */
  silence(): void {
    this.#isSilent = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #join(near: Socket, far: Socket): void {
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from)
      from.on('error', () => {})
      from.on('data', (chunk) => {
        if (!this.#isSilent) to.write(chunk)
      })
      from.on('close', () => {
        this.#sockets.delete(from)
        if (!this.#isSilent) to.destroy()
      })
    }
  }
}

let node: TestNode
let home: string

function start(args: string[]): ChildProcess & { seen: { out: string; err: string } } {
  const child = spawn(command, args, { env: { ...process.env, XDG_CONFIG_HOME: home } })
  const seen = { out: '', err: '' }
  child.stdout.on('data', (chunk) => (seen.out += chunk))
  child.stderr.on('data', (chunk) => (seen.err += chunk))
  return Object.assign(child, { seen })
}

async function holdfast(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = start(args)
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, ...child.seen }
}

function login(profile: string, ...urls: string[]): ReturnType<typeof holdfast> {
  const flags = ['--user', ownerName, '--password-file', join(home, 'password'), '--ca', join(home, 'ca.pem')]
  return holdfast('login', ...urls.flatMap((url) => ['--url', url]), ...flags, '--profile', profile)
}

function urlsOf(profile: string): string[] {
  const text = readFileSync(join(home, 'holdfast', `${profile}.json`), 'utf8')
  return (JSON.parse(text) as { urls: string[] }).urls
}

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-failover-'))
  node = await startNode()
  writeFileSync(join(home, 'ca.pem'), node.ca)
  writeFileSync(join(home, 'password'), `${testPassword}\n`, { mode: 0o600 })
  expect(await login('setup', node.url)).toMatchObject({ code: 0 })
  expect(await holdfast('channel', 'create', 'ops', '--kind', 'group', '--profile', 'setup')).toMatchObject({
    code: 0,
  })
})

afterAll(async () => {
  await node[Symbol.asyncDispose]()
  rmSync(home, { recursive: true, force: true })
})

test('a login is told several nodes, and puts the one that answered first', async () => {
  const done = await login('several', deadUrl, node.url)
  expect(done).toMatchObject({ code: 0, err: '' })
  expect(done.out).toContain(`Logged in to ${node.url}`)
  expect(urlsOf('several')).toEqual([node.url, deadUrl])
})

test('every command goes on at the next node when the first is dead or silent, and the next begins there', async () => {
  await using relay = await Relay.to(node.port)
  expect(await login('two', relay.url, node.url)).toMatchObject({ code: 0 })
  expect(urlsOf('two')).toEqual([relay.url, node.url])
  relay.silence()
  expect(await holdfast('send', 'ops', 'hello', '--profile', 'two')).toMatchObject({ code: 0, err: '' })
  expect(urlsOf('two')).toEqual([node.url, relay.url])
  expect(await login('three', relay.url, node.url)).toMatchObject({ code: 0 })
  expect(await holdfast('status', '--profile', 'three')).toMatchObject({ code: 0, err: '' })
  expect(await holdfast('person', 'add', 'sigrid', '--role', 'member', '--profile', 'three')).toMatchObject({
    code: 0,
  })
})

test.each(['silent', 'closed'])('tail goes on when its node is %s, and says so in one line', async (how) => {
  const relay = await Relay.to(node.port)
  expect(await login(how, relay.url, node.url)).toMatchObject({ code: 0 })
  const tail = start(['tail', 'ops', '--lines', '0', '--json', '--profile', how])
  try {
    const send = (text: string) => holdfast('send', 'ops', text, '--profile', 'setup')
    await eventually('tail follows', async () => {
      await send('before')
      return tail.seen.out.includes('before')
    })
    if (how === 'silent') relay.silence()
    else await relay[Symbol.asyncDispose]()
    await eventually('the switch is told', async () => tail.seen.err.includes('switched'))
    await send('after')
    await eventually('what comes afterwards is printed', async () => tail.seen.out.includes('after'))
    expect(tail.seen.err).toBe('holdfast: switched to node1\n')
    const seqs = tail.seen.out
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { seq: number }).seq)
    expect(seqs).toEqual(seqs.map((_, i) => seqs[0]! + i))
  } finally {
    tail.kill('SIGINT')
    await relay[Symbol.asyncDispose]().catch(() => {})
  }
})

test('a profile of a version that knew one node is read', async () => {
  const path = join(home, 'holdfast', 'setup.json')
  const { urls, ...rest } = JSON.parse(readFileSync(path, 'utf8')) as { urls: string[] }
  writeFileSync(join(home, 'holdfast', 'old.json'), JSON.stringify({ url: urls[0], ...rest }), {
    mode: 0o600,
  })
  writeFileSync(join(home, 'holdfast', 'old.key'), readFileSync(join(home, 'holdfast', 'setup.key')), {
    mode: 0o600,
  })
  expect(await holdfast('status', '--profile', 'old')).toMatchObject({ code: 0, err: '' })
})
