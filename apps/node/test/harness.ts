/**
 * Real nodes for tests: `await using node = await startNode()` runs `holdfast init` and `holdfast serve` as child
 * processes on a temporary data folder and a free port, and takes everything away again. The log of a node is shown when
 * its test fails.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Api } from '@holdfast/api/client/api'
import { createApi } from '@holdfast/api/client/api'
import type { Client, ClientOptions } from '@holdfast/api/client/client'
import type { DeviceKey } from '@holdfast/api/client/device-key'
import { connectNode } from '@holdfast/api/client/node'
import type { Role } from '@holdfast/api/contract/policy'
import type { LoginResult, StatusView } from '@holdfast/api/services'
import { afterAll, afterEach, beforeAll, onTestFailed } from 'vitest'
import { type HttpsCaller, httpsCaller } from './https-caller.ts'
import { Daemon, initialize, keepQuiet, type RunOptions } from './node-process.ts'
import { RawClient, type RawClientOptions } from './raw-client.ts'

export interface NodeOptions {
  /** False: the node waits for its first set-up. Default: a facility with an owner. */
  setUp?: boolean
  /** Settings of the facility that differ from the defaults. */
  policy?: Partial<{ deviceApproval: 'auto' | 'manual'; deviceRequired: boolean; lockoutAttempts: number }>
  /** An existing folder, which is not removed; by default a temporary one. */
  dataDir?: string
  /** Port of HTTPS; any free one by default. */
  port?: number
  /** More flags of `holdfast serve`. */
  flags?: readonly string[]
  /** More variables of its environment. */
  env?: Record<string, string>
  /** As in RunOptions. */
  program?: readonly string[]
}

/** Somebody who has signed in. */
export interface Person {
  id: string
  name: string
  password: string
  token: string
  sessionId: string
  api: Api
}

export const ownerName = 'olga'
export const testPassword = 'correct-horse-battery'
const nodeName = 'node1'
/** A hang guard, and how often a condition is looked at meanwhile. */
const eventuallyGuardMs = 60_000
const pollMs = 50
const facility = 'Testbed'

export class TestNode implements AsyncDisposable {
  readonly dataDir: string
  /** What runs from the next start on. */
  program: readonly string[] | undefined
  readonly recoveryCodes: readonly string[]
  readonly #flags: readonly string[]
  readonly #env: Record<string, string>
  readonly #temporary: boolean
  readonly #callers = new Set<HttpsCaller>()
  readonly #clients = new Set<{ close(): void }>()
  #daemon: Daemon
  #ca = ''
  #owner: Person | null = null
  #people = 0
  #addresses = 0

  constructor(made: {
    dataDir: string
    temporary: boolean
    port: number
    flags: readonly string[]
    env: Record<string, string>
    program: readonly string[] | undefined
    recoveryCodes: string[]
  }) {
    this.dataDir = made.dataDir
    this.recoveryCodes = made.recoveryCodes
    this.#temporary = made.temporary
    this.#flags = made.flags
    this.#env = made.env
    this.program = made.program
    this.#daemon = new Daemon(made.dataDir, ['--port', String(made.port), ...made.flags], this.#running)
  }

  get #running(): RunOptions {
    return { env: this.#env, ...(this.program === undefined ? {} : { program: this.program }) }
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`
  }
  get port(): number {
    return this.#daemon.port
  }
  get pid(): number {
    return this.#daemon.pid
  }
  /** PEM of the facility's CA. */
  get ca(): string {
    return this.#ca
  }
  /** Everything that the daemon printed. */
  get log(): string {
    return this.#daemon.log
  }
  get setupCode(): string | null {
    return this.#daemon.setupCode
  }
  get owner(): Person {
    if (this.#owner === null) throw new Error('This node was started with setUp: false and has no owner.')
    return this.#owner
  }

  async start(options: { signInOwner: boolean }): Promise<void> {
    await this.#daemon.started()
    // A node that takes its state from another one starts anew in between.
    const ca = await eventually('the CA', () =>
      this.http()
        .call('/ca.pem', { trustNobody: true })
        .catch(() => null),
    )
    this.#ca = ca.body
    if (options.signInOwner) this.#owner = await this.signIn(ownerName)
  }

  /** A caller from a loopback address of its own, so that limits per address meet each test by itself. */
  http(): HttpsCaller {
    this.#addresses += 1
    const address = `127.1.${Math.floor(this.#addresses / 250)}.${(this.#addresses % 250) + 1}`
    const caller = httpsCaller({ port: () => this.port, ca: () => this.#ca, localAddress: address })
    this.#callers.add(caller)
    return caller
  }

  /** The procedures, called with this token and, for a session bound to a device, that device's key. */
  api(token?: string, deviceKey?: DeviceKey): Api {
    return createApi({
      urls: [this.url],
      fetch: this.http().fetch,
      ...(token === undefined ? {} : { token }),
      ...(deviceKey === undefined ? {} : { deviceKey }),
    })
  }

  async login(name: string, password = testPassword, proof?: string): Promise<LoginResult> {
    return await this.api().auth.login.mutate({ name, password, ...(proof === undefined ? {} : { proof }) })
  }

  async signIn(name: string, password = testPassword): Promise<Person> {
    const { token = '', sessionId, person } = await this.login(name, password)
    return { id: person.id, name, password, token, sessionId, api: this.api(token) }
  }

  /** A new person, signed in. */
  async newPerson(options: { name?: string; role?: Role } = {}): Promise<Person> {
    this.#people += 1
    const { name = `person${this.#people}`, role = 'member' } = options
    await this.owner.api.people.add.mutate({ name, role, password: testPassword })
    return this.signIn(name)
  }

  /** A group channel with these people, and the owner as its manager. */
  async newChannel(
    members: readonly Person[],
    kind: 'group' | 'open' | 'announcement' = 'group',
  ): Promise<string> {
    this.#people += 1
    const { id } = await this.owner.api.channels.create.mutate({
      name: `channel${this.#people}`,
      kind,
      members: members.map((person) => person.id),
    })
    return id
  }

  /** A connection that speaks frames; nothing is sent or answered by itself. */
  async raw(options: RawClientOptions = {}): Promise<RawClient> {
    const client = await RawClient.open(this.port, this.#ca, options)
    this.#clients.add({ close: () => client.terminate() })
    return client
  }

  /** A connection that speaks frames, after `ready`. */
  async connect(as: Person, options: RawClientOptions = {}): Promise<RawClient> {
    const client = await this.raw(options)
    await client.authenticate(as.token)
    return client
  }

  /** The SDK's client. */
  sdk(as: Person, options: Partial<ClientOptions> = {}): Client {
    const client = connectNode({
      urls: [this.url],
      ca: this.#ca,
      token: as.token,
      backoff: { baseMs: 50, maxMs: 500 },
      ...options,
    })
    this.#clients.add(client)
    return client
  }

  status(): Promise<StatusView> {
    return this.owner.api.overview.status.query()
  }

  /** Sends a signal and waits for the end of the process. */
  async kill(signal: NodeJS.Signals): Promise<number | null> {
    return this.#daemon.end(signal)
  }

  /** Starts the daemon again on the same data and port, after it has ended. */
  async startAgain(): Promise<void> {
    const { port } = this
    const flags = ['--port', String(port), ...this.#flags]
    this.#daemon = new Daemon(this.dataDir, flags, { log: this.#daemon.log, ...this.#running })
    await this.#daemon.started()
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.startAgain()
  }

  /** Stops the daemon in order. */
  async stop(): Promise<void> {
    const code = await this.kill('SIGTERM')
    if (code !== 0) throw new Error(`the node stopped with exit code ${code}:\n${this.log}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close()
    for (const caller of this.#callers) caller.close()
    await this.kill('SIGKILL')
    if (this.#temporary) rmSync(this.dataDir, { recursive: true, force: true })
  }
}

/** A running node, taken away when the test's scope ends. */
export async function startNode(options: NodeOptions = {}): Promise<TestNode> {
  const { setUp = true, policy, flags = [], env = {}, program } = options
  const temporary = options.dataDir === undefined
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'holdfast-test-'))
  let recoveryCodes: string[] = []
  if (setUp) {
    const names = { facility, nodeName, admin: ownerName, password: testPassword }
    recoveryCodes = await initialize({ dataDir, ...names })
  }
  keepQuiet(dataDir)
  const node = new TestNode({
    dataDir,
    temporary,
    port: options.port ?? 0,
    flags,
    env,
    program,
    recoveryCodes,
  })
  showLogOnFailure(node)
  try {
    await node.start({ signInOwner: setUp })
    if (policy) {
      const { version } = await node.owner.api.settings.get.query()
      await node.owner.api.settings.update.mutate({ version, ...policy })
    }
    return node
  } catch (error) {
    await node[Symbol.asyncDispose]()
    throw error
  }
}

/** One node for all tests of a file. */
export function sharedNode(options: NodeOptions = {}): { readonly node: TestNode } {
  let node: TestNode | null = null
  beforeAll(async () => {
    node = await startNode(options)
  })
  afterEach(({ task }) => {
    if (task.result?.state === 'fail' && node) console.error(`log of the node:\n${tail(node.log)}`)
  })
  afterAll(async () => {
    await node?.[Symbol.asyncDispose]()
  })
  return {
    get node() {
      if (node === null) throw new Error('The node has not started.')
      return node
    },
  }
}

function showLogOnFailure(node: TestNode): void {
  try {
    onTestFailed(() => console.error(`log of the node:\n${tail(node.log)}`))
  } catch {
    // Outside a test, in a hook: sharedNode shows the log there.
  }
}

/** The end of a long log. */
function tail(log: string): string {
  return log.slice(-8000)
}

/** Polls until the value is there; for what the node promises to do soon, such as indexing. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined | null | false>,
): Promise<T> {
  const deadline = performance.now() + eventuallyGuardMs
  for (;;) {
    const value = await look()
    if (value !== undefined && value !== null && value !== false) return value
    if (performance.now() > deadline) throw new Error(`${what} did not come about in ${eventuallyGuardMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
}
