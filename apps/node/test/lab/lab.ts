/**
 * A LAN inside this machine for tests of a cluster: nodes `hf1` to `hfN` and the `hub` where clients run, each in a
 * network namespace of its own on one switch. Links can be cut, made lossy, narrow or slow. Needs root, iproute2 and
 * nftables. Several labs run side by side; nothing that happens in one reaches another network.
 */
import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { requireTools } from '../../src/services/discovery/test-lan.ts'
import { pinnedNode } from '../node-process.ts'
import { Fault } from './fault.ts'
import {
  folderOf,
  labName,
  namespaceOf,
  namespacePath,
  removeLab,
  sweepLeftovers,
  toolEnv,
} from './leftovers.ts'

/** `hub`, or `hf` and the number of a node from 1. */
export type Host = string

export const hub: Host = 'hub'
const hubNumber = 254
const maxNodes = 16
/** Ports between nodes: the peer link, and Raft's own. */
export const clusterPorts = [7444, 7446]
/** Group of the relay's sockets, by which the redirection tells them from those it redirects. */
const relayGroup = 64_246
/** A bucket of tbf holds at least one segment of the largest size. */
const bucket = ['burst', '64kb', 'latency', '2s']
const relayProgram = join(import.meta.dirname, 'relay.ts')

let labs = 0

export class Lab implements AsyncDisposable {
  readonly name: string
  /** Removed with the lab. */
  readonly folder: string
  /** `hf1`, `hf2`, … */
  readonly nodes: readonly Host[]
  readonly #subnet: string
  readonly #faults = new Set<Fault>()
  readonly #children = new Set<ChildProcess>()
  readonly #atExit: () => void
  #tables = 0

  private constructor(nodes: number) {
    labs += 1
    this.name = labName(labs)
    this.folder = folderOf(this.name)
    this.nodes = Array.from({ length: nodes }, (_, i) => `hf${i + 1}`)
    this.#subnet = `10.${1 + ((process.pid + labs) % 250)}.0`
    this.#atExit = () => removeLab(this.name)
  }

  /** @throws Error in one line when it is not root or a tool is missing, with the line that installs it */
  static async create(options: { nodes: number }): Promise<Lab> {
    requireTools({ ip: 'iproute2', tc: 'iproute2', nft: 'nftables', nsenter: 'util-linux' })
    if (!(options.nodes >= 1 && options.nodes <= maxNodes))
      throw new Error(`A lab has 1 to ${maxNodes} nodes, not ${options.nodes}.`)
    sweepLeftovers()
    const lab = new Lab(options.nodes)
    process.once('exit', lab.#atExit)
    try {
      await lab.#build()
      return lab
    } catch (error) {
      await lab[Symbol.asyncDispose]()
      throw error
    }
  }

  address(host: Host): string {
    return `${this.#subnet}.${host === hub ? hubNumber : this.#numberOf(host)}`
  }

  /** The words before a command that make it run in the host; the process id stays that of the command. */
  within(host: Host): string[] {
    return ['nsenter', `--net=${namespacePath(this.#namespace(host))}`, '--']
  }

  /** Starts a command in the host. It ends with the lab at the latest. */
  spawn(host: Host, command: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const [program = '', ...words] = [...this.within(host), ...command]
    const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'], env: toolEnv, ...options })
    this.#children.add(child)
    child.once('exit', () => this.#children.delete(child))
    return child
  }

  /** Runs a command in the host to its end and gives its output. @throws Error with what it said when it fails */
  run(host: Host, command: readonly string[], input = ''): Promise<string> {
    return execute([...this.within(host), ...command], input)
  }

  /** No packet passes between the host and the others, in either direction; connections hang. */
  cut(host: Host, others: readonly Host[] = this.#othersThan(host)): Promise<Fault> {
    return this.#drop(`${host} is cut off from ${others.join(', ')}`, bothWays(host, others))
  }

  /** Packets from the host do not arrive at the others, while theirs arrive at the host. */
  cutOneWay(from: Host, others: readonly Host[] = this.#othersThan(from)): Promise<Fault> {
    const pairs = others.map((to) => ({ from, to }))
    return this.#drop(`${others.join(', ')} do not hear ${from}`, pairs)
  }

  /** Loses this share of the packets, above 0 and at most 1, in each direction. */
  lose(host: Host, share: number, others: readonly Host[] = this.#othersThan(host)): Promise<Fault> {
    const perMille = Math.round(share * 1000)
    const what = `${host} loses ${perMille / 10} % of its packets`
    const when = perMille >= 1000 ? '' : `numgen random mod 1000 < ${perMille}`
    return this.#drop(what, bothWays(host, others), when)
  }

  /**
   * Cuts the host off and joins it again, by turns.
   * @param timesMs how long it is cut, joined, cut, …; begun again at the end
   */
  async flap(
    host: Host,
    timesMs: readonly number[],
    others: readonly Host[] = this.#othersThan(host),
  ): Promise<Fault> {
    if (timesMs.length === 0) throw new Error('A link that flaps needs at least one time.')
    const ending = Promise.withResolvers<void>()
    let ended = false
    let cut: Fault | null = await this.cut(host, others)
    const flapping = (async () => {
      for (let turn = 0; !ended; turn += 1) {
        const pause = timesMs[turn % timesMs.length] ?? 0
        await Promise.race([ending.promise, later(pause)])
        if (ended) break
        if (cut) await cut.heal()
        cut = cut ? null : await this.cut(host, others)
      }
      await cut?.heal()
    })()
    // What goes wrong meanwhile is told by `heal`.
    flapping.catch(() => {})
    return this.#keep(
      new Fault(`the link of ${host} flaps`, () => {
        ended = true
        ending.resolve()
        return flapping
      }),
    )
  }

  /** Bounds what the host sends and what it is sent, each (token bucket, tc-tbf(8)). One such fault per host. */
  async narrow(host: Host, kbitPerSecond: number): Promise<Fault> {
    if (host === hub) throw new Error('The line of a node can be narrow, not the switch.')
    const ends = [
      { namespace: this.#namespace(host), device: 'eth0' },
      { namespace: this.#namespace(hub), device: this.#portOf(host) },
    ]
    const qdisc = (verb: string, end: { namespace: string; device: string }, words: string[] = []) =>
      execute(['tc', '-n', end.namespace, 'qdisc', verb, 'dev', end.device, 'root', ...words])
    const rate = ['tbf', 'rate', `${kbitPerSecond}kbit`, ...bucket]
    return this.#applied(
      `the line of ${host} carries ${kbitPerSecond} kbit/s`,
      ends.map((end) => ({ break: () => qdisc('add', end, rate), mend: () => qdisc('del', end) })),
    )
  }

  /**
   * Delays what goes over TCP between two hosts' ports, in each direction. Connections that are there are reset, and go
   * through a relay when they are made again; the address that the other side sees stays the same.
   */
  async delay(a: Host, b: Host, ms: number, ports: readonly number[] = clusterPorts): Promise<Fault> {
    const what = `${a} and ${b} hear each other ${ms} ms later`
    return this.#applied(what, [this.#detour(a, b, ms, ports), this.#detour(b, a, ms, ports)])
  }

  /** Heals everything that is still broken. */
  async healAll(): Promise<void> {
    for (const fault of this.#faults) await fault.heal()
    this.#faults.clear()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = []
    await this.healAll().catch((error: unknown) => failures.push(error))
    await Promise.all([...this.#children].map(endChild))
    removeLab(this.name)
    process.off('exit', this.#atExit)
    if (failures.length > 0) throw failures[0]
  }

  async #build(): Promise<void> {
    mkdirSync(this.folder, { mode: 0o700 })
    await this.#addNamespace(hub)
    await this.#ip(hub, 'link add br0 type bridge')
    await this.#ip(hub, `addr add ${this.address(hub)}/24 dev br0`)
    await this.#ip(hub, 'link set br0 up')
    for (const node of this.nodes) {
      await this.#addNamespace(node)
      const port = this.#portOf(node)
      await this.#ip(hub, `link add ${port} type veth peer name eth0 netns ${this.#namespace(node)}`)
      await this.#ip(hub, `link set ${port} master br0 up`)
      await this.#ip(node, `addr add ${this.address(node)}/24 dev eth0`)
      await this.#ip(node, 'link set eth0 up')
    }
  }

  async #addNamespace(host: Host): Promise<void> {
    await execute(['ip', 'netns', 'add', this.#namespace(host)])
    await this.#ip(host, 'link set lo up')
  }

  #ip(host: Host, words: string): Promise<string> {
    return execute(['ip', '-n', this.#namespace(host), ...words.split(' ')])
  }

  #namespace(host: Host): string {
    return namespaceOf(this.name, host)
  }

  #portOf(node: Host): string {
    return `port${this.#numberOf(node)}`
  }

  #numberOf(node: Host): number {
    const number = this.nodes.indexOf(node) + 1
    if (number === 0) throw new Error(`The lab has no host ${node}; it has hub, ${this.nodes.join(', ')}.`)
    return number
  }

  #othersThan(host: Host): Host[] {
    return [hub, ...this.nodes].filter((each) => each !== host)
  }

  /** Drops packets where they arrive: a sender notices nothing, as with a network that loses them. */
  #drop(what: string, pairs: readonly { from: Host; to: Host }[], when = ''): Promise<Fault> {
    const steps = [...Map.groupBy(pairs, ({ to }) => to)].map(([to, arriving]) => {
      const from = arriving.map((pair) => this.address(pair.from)).join(', ')
      return this.#table(
        to,
        'inet',
        chain('arriving', 'type filter hook input priority -10', [`ip saddr { ${from} } ${when} drop`]),
      )
    })
    return this.#applied(what, steps)
  }

  /** Rules in a table of their own, so that healing one fault leaves the others. */
  #table(host: Host, family: 'inet' | 'ip', ...chains: string[]): Step {
    this.#tables += 1
    const table = `${family} lab${this.#tables}`
    const nft = (text: string) => this.run(host, ['nft', '-f', '-'], text)
    return {
      break: () => nft(`table ${table} {\n${chains.join('\n')}\n}\n`),
      mend: () => nft(`delete table ${table}\n`),
    }
  }

  /** What a host sends to another's ports goes through a relay in the host's own namespace. */
  #detour(from: Host, to: Host, ms: number, ports: readonly number[]): Step {
    const target = this.address(to)
    let relay: ChildProcess | null = null
    let rules: Step | null = null
    const mend = async (): Promise<void> => {
      await rules?.mend()
      if (relay) await endChild(relay)
    }
    const start = async (): Promise<void> => {
      const plan = JSON.stringify({ target, ports, delayMs: ms, group: relayGroup })
      relay = this.spawn(from, [pinnedNode, relayProgram, plan])
      const listening = await firstLine(relay)
      const notTheRelay = `meta skgid != ${relayGroup}`
      const redirects = (JSON.parse(listening) as { port: number; at: number }[]).map(
        ({ port, at }) => `ip daddr ${target} tcp dport ${port} ${notTheRelay} redirect to :${at}`,
      )
      const direct = `ip daddr ${target} tcp dport { ${ports.join(', ')} } ${notTheRelay} reject with tcp reset`
      const added = this.#table(
        from,
        'ip',
        chain('redirecting', 'type nat hook output priority -100', redirects),
        chain('direct', 'type filter hook output priority 0', [direct]),
      )
      await added.break()
      rules = added
    }
    return {
      break: async () => {
        try {
          await start()
        } catch (error) {
          await mend()
          throw error
        }
      },
      mend,
    }
  }

  /** Takes all steps; when one fails, takes back those before it. */
  async #applied(what: string, steps: readonly Step[]): Promise<Fault> {
    const begun: Step[] = []
    const mend = async (): Promise<void> => {
      for (const step of begun.toReversed()) await step.mend()
    }
    try {
      for (const step of steps) {
        await step.break()
        begun.push(step)
      }
    } catch (error) {
      await mend()
      throw error
    }
    return this.#keep(new Fault(what, mend))
  }

  #keep(fault: Fault): Fault {
    for (const each of this.#faults) if (each.isHealed) this.#faults.delete(each)
    this.#faults.add(fault)
    return fault
  }
}

interface Step {
  break(): Promise<unknown>
  mend(): Promise<unknown>
}

const chain = (name: string, hook: string, rules: readonly string[]) =>
  `chain ${name} {\n${hook};\n${rules.join('\n')}\n}`

const bothWays = (host: Host, others: readonly Host[]) =>
  others.flatMap((other) => [
    { from: host, to: other },
    { from: other, to: host },
  ])

/** Ends a child. */
async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}

function later(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** The first line that a child prints. @throws Error when it ends before */
async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('the child has no output')
  for await (const line of createInterface({ input: child.stdout })) return line
  throw new Error(`The relay ended before it listened (exit code ${child.exitCode}).`)
}

function execute(command: readonly string[], input = ''): Promise<string> {
  const [program = '', ...words] = command
  return new Promise((resolve, reject) => {
    const child = execFile(program, words, { env: toolEnv }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${command.join(' ')} failed: ${stderr.trim() || error.message}`))
      else resolve(stdout)
    })
    // A command that does not read what it was given, or ended first, tells of that by its exit code.
    child.stdin?.on('error', () => {})
    child.stdin?.end(input)
  })
}
