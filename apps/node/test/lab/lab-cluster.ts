import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as later } from 'node:timers/promises'
import type { ClusterView } from '@holdfast/api/cluster-services'
import { holdfast } from '../node-process.ts'
import type { Field } from './fault-kinds.ts'
import { hub, type Lab } from './lab.ts'
import { LabNode, type LabNodeOptions } from './lab-node.ts'

/** Hang guards: on an idle machine each takes seconds. */
const stateGuardMs = 120_000
const pollMs = 200

/** A cluster in a lab, grown from one node by the command as an operator grows it. */
export class LabCluster implements Field {
  readonly lab: Lab
  readonly nodes: LabNode[] = []
  readonly admin = { name: 'olga', password: 'correct-horse-battery' }
  readonly #env: Record<string, string>

  private constructor(lab: Lab) {
    this.lab = lab
    this.#env = { XDG_CONFIG_HOME: join(lab.folder, 'config') }
  }

  /** A node in each host of the lab, the first of them the founder. */
  static async create(lab: Lab, options: LabNodeOptions = {}): Promise<LabCluster> {
    const cluster = new LabCluster(lab)
    const [founder = ''] = lab.nodes
    try {
      await cluster.#found(new LabNode(lab, founder, options))
      for (const host of lab.nodes.slice(1)) await cluster.join(new LabNode(lab, host, options))
      return cluster
    } catch (error) {
      throw new Error(`The cluster did not grow: ${(error as Error).message}\n${cluster.logs}`, {
        cause: error,
      })
    }
  }

  /** Adds a node that has no data yet, and waits until it is a voter. */
  async join(node: LabNode): Promise<void> {
    await this.until('the cluster is writable', (view) => view.writable)
    const { code } = JSON.parse(await this.command('cluster', 'invite', '--json')) as { code: string }
    const file = join(this.lab.folder, `${node.host}.code`)
    writeFileSync(file, code, { mode: 0o600 })
    const words = ['cluster', 'join', '--data', node.dataDir, '--node', node.host, '--code-file', file]
    const joined = await node.holdfast(words)
    if (joined.code !== 0) throw new Error(`${node.host} could not join: ${joined.stderr}`)
    if (!this.nodes.includes(node)) this.nodes.push(node)
    await node.start()
    await this.until(`${node.host} is a voter`, (view) =>
      view.members.some((member) => member.name === node.host && member.state === 'online'),
    )
  }

  async remove(node: LabNode): Promise<void> {
    // Without it the others have to be a majority, and one may have come back just now.
    await this.until(
      `the members without ${node.host} are online`,
      (view) =>
        view.writable &&
        view.members.every((member) => member.name === node.host || member.state === 'online'),
    )
    await this.command('cluster', 'remove', node.host, '--yes')
  }

  /** Runs `holdfast` in the hub, signed in as the owner. @throws Error with what it said when it fails */
  async command(...args: string[]): Promise<string> {
    const done = await holdfast(args, { within: this.lab.within(hub), env: this.#env })
    if (done.code !== 0) throw new Error(`holdfast ${args.join(' ')} ended with ${done.code}: ${done.stderr}`)
    return done.stdout
  }

  /** How the cluster is, as a node that answers sees it; null while none does. */
  async status(): Promise<ClusterView | null> {
    const words = ['cluster', 'status', '--json']
    const { stdout } = await holdfast(words, { within: this.lab.within(hub), env: this.#env })
    return stdout === '' ? null : (JSON.parse(stdout) as ClusterView)
  }

  async leader(): Promise<LabNode> {
    const view = await this.until(
      'there is a leader',
      (each) => each.writable && each.members.some((member) => member.leader),
    )
    const name = view.members.find((member) => member.leader)?.name
    const node = this.nodes.find((each) => each.host === name)
    if (!node) throw new Error(`The leader ${name} is no node of the lab.`)
    return node
  }

  /** Waits until every member is online and has applied the same. */
  async settled(): Promise<void> {
    await this.until(
      'all nodes are online and equal',
      (view) =>
        view.members.length === this.nodes.length &&
        view.members.every(
          (member) => member.state === 'online' && member.chainAgrees !== false && member.lag === 0,
        ),
    )
  }

  async until(what: string, isSo: (view: ClusterView) => boolean): Promise<ClusterView> {
    const deadline = performance.now() + stateGuardMs
    for (let view = await this.status(); ; view = await this.status()) {
      if (view !== null && isSo(view)) return view
      if (performance.now() > deadline)
        throw new Error(`${what}: not in ${stateGuardMs / 1000} s; the cluster says ${JSON.stringify(view)}`)
      await later(pollMs)
    }
  }

  /** Ends of the logs of all nodes, for a failure. */
  get logs(): string {
    return this.nodes.map((node) => `log of ${node.host}:\n${node.log.slice(-6000)}`).join('\n')
  }

  async #found(node: LabNode): Promise<void> {
    const { name, password } = this.admin
    await node.initialize({ facility: 'Testbed', admin: name, password })
    await node.start()
    this.nodes.push(node)
    const passwordFile = join(this.lab.folder, 'password')
    const caFile = join(this.lab.folder, 'ca.pem')
    writeFileSync(passwordFile, password, { mode: 0o600 })
    writeFileSync(caFile, node.ca)
    const credentials = ['--user', name, '--password-file', passwordFile, '--ca', caFile, '--no-device']
    const urls = this.lab.nodes.flatMap((host) => ['--url', new LabNode(this.lab, host).url])
    await this.command('login', ...urls, ...credentials)
    await this.command('cluster', 'create', '--url', node.url, '--address', this.lab.address(node.host))
    await this.until('the first node is a cluster', (view) => view.mode === 'cluster' && view.writable)
  }
}
