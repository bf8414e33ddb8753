/** Talks to the node in a virtual machine as a browser and a client do. */
import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { root } from './built.ts'
import type { Vm } from './vm.ts'

/** A hang guard: passwords are hashed slowly on purpose, and emulation multiplies that. */
const callMs = 180_000
const stepMs = 500
const commandMs = 120_000
const maxAttempts = 20

export interface Answer {
  status: number
  body: string
}

export function call(
  vm: Vm,
  path: string,
  options: { method?: string; body?: string; token?: string; ca?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers: Record<string, string> = {}
    if (options.body !== undefined) headers['content-type'] = 'application/json'
    if (options.token) headers.authorization = `Bearer ${options.token}`
    const trust = options.ca ? { ca: options.ca } : { rejectUnauthorized: false }
    const sent = request(
      {
        host: '127.0.0.1',
        port: vm.port,
        path,
        method: options.method ?? 'GET',
        headers,
        timeout: callMs,
        agent: false,
        ...trust,
      },
      (response) => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (text: string) => {
          body += text
        })
        response.on('error', reject)
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
      },
    )
    sent.on('timeout', () => sent.destroy(new Error(`no answer from ${path} in ${callMs} ms`)))
    sent.on('error', reject)
    sent.end(options.body)
  })
}

/** Waits until the node serves. @returns seconds since the machine was switched on */
export async function untilReady(vm: Vm, seconds: number): Promise<number> {
  const deadline = vm.seconds + seconds
  let last = 'it was not asked'
  while (vm.seconds < deadline && vm.running) {
    try {
      const { status, body } = await call(vm, '/readyz')
      if (status === 200) return vm.seconds
      last = `${status} ${body}`
    } catch (error) {
      last = (error as Error).message
    }
    await sleep(stepMs)
  }
  throw new Error(
    `the node did not get ready in ${seconds} s (${last}); the console said:\n${vm.serial.slice(-3000)}`,
  )
}

/** A mutation of the API. */
async function mutate(vm: Vm, procedure: string, input: unknown, ca: string): Promise<unknown> {
  const { status, body } = await call(vm, `/trpc/${procedure}`, {
    method: 'POST',
    body: JSON.stringify(input),
    ca,
  })
  if (status !== 200) throw new Error(`${procedure} was refused with ${status}: ${body.slice(0, 500)}`)
  return JSON.parse(body).result.data
}

export const owner = { name: 'ingrid', password: 'a storm over the skerries 7' }

/** What a person reads from the console: the code and the CA's fingerprint, which stands on two lines. */
export async function readConsole(vm: Vm, seconds: number): Promise<{ code: string; fingerprint: string }> {
  const [, first, second] = await vm.says(
    /CA fingerprint\s+((?:[0-9A-F]{2}:){15}[0-9A-F]{2})\s+((?:[0-9A-F]{2}:){15}[0-9A-F]{2})\s+Set-up code/,
    seconds,
  )
  const [, code] = await vm.says(/\s+([0-9A-Z]{4}-[0-9A-Z]{4})\s/, 5)
  return { code: code ?? '', fingerprint: `${first}:${second}` }
}

/** The calls of the web wizard. @returns the CA's certificate, compared with the console as a careful person does */
export async function setUp(vm: Vm, seen: { code: string; fingerprint: string }): Promise<string> {
  const ca = await authority(vm)
  const { fingerprint256 } = new X509Certificate(ca)
  if (fingerprint256 !== seen.fingerprint)
    throw new Error(`the CA has ${fingerprint256}, the console shows ${seen.fingerprint}`)
  await mutate(vm, 'setup.checkCode', { code: seen.code }, ca)
  await mutate(
    vm,
    'setup.complete',
    {
      code: seen.code,
      facility: 'Port of Kaldvik',
      nodeName: 'kaldvik-1',
      owner: owner.name,
      password: owner.password,
    },
    ca,
  )
  return ca
}

/** Where clients reach the node of a machine, in its LAN when it has one. */
export const origin = ({ plug, port }: Vm): string =>
  plug ? `https://${plug.address}` : `https://localhost:${port}`

export async function authority(vm: Vm): Promise<string> {
  return (await call(vm, '/ca.pem')).body
}

/** What the node tells everybody about itself. */
export async function wellKnown(vm: Vm): Promise<{ holdfast: string; setUp: boolean; facility: string }> {
  return JSON.parse((await call(vm, '/.well-known/holdfast')).body)
}

/** The product's own command as a client of the machine. */
export class CommandLine {
  readonly #vm: Vm
  readonly #folder: string
  readonly #patienceMs: number

  /** @param folder keeps the profile: commands with the same one are the same login */
  constructor(vm: Vm, folder: string, patienceMs: number = commandMs) {
    this.#vm = vm
    this.#folder = folder
    this.#patienceMs = patienceMs
  }

  /** @param others more nodes of the cluster, which it may ask too */
  async login(ca: string, others: readonly Vm[] = []): Promise<void> {
    mkdirSync(this.#folder, { recursive: true })
    writeFileSync(join(this.#folder, 'ca.pem'), ca)
    writeFileSync(join(this.#folder, 'password'), owner.password, { mode: 0o600 })
    await this.run(
      'login',
      ...[this.#vm, ...others].flatMap((vm) => ['--url', origin(vm)]),
      '--user',
      owner.name,
      '--ca',
      join(this.#folder, 'ca.pem'),
      '--password-file',
      join(this.#folder, 'password'),
    )
  }

  /**
   * Under emulation a handshake can take longer than the client waits for it; it never counts as sent then.
   * @returns standard output @throws with what the command said
   */
  async run(...args: string[]): Promise<string> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.once(...args)
      } catch (error) {
        if (attempt === maxAttempts || !/cannot be reached/.test((error as Error).message)) throw error
        await sleep(stepMs)
      }
    }
  }

  /** One attempt. */
  once(...args: string[]): Promise<string> {
    const env = { ...process.env, XDG_CONFIG_HOME: this.#folder }
    const [program = '', ...words] = [...(this.#vm.plug?.within ?? []), join(root, 'bin/holdfast'), ...args]
    return new Promise((resolve, reject) => {
      execFile(
        program,
        words,
        { env, timeout: this.#patienceMs, encoding: 'utf8' },
        (error, stdout, stderr) => {
          if (error) reject(new Error(`holdfast ${args.join(' ')}: ${stderr || error.message}`))
          else resolve(stdout)
        },
      )
    })
  }
}
