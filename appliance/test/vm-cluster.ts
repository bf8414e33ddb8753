/** A cluster of virtual machines: the first is set up by its credential, the others join by theirs. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { built } from './built.ts'
import { authority, CommandLine, owner, untilReady } from './node-over-https.ts'
import { overlayOf, Vm } from './vm.ts'
import { VmLan } from './vm-lan.ts'

export const credential = (setup: object): string[] => [
  `io.systemd.credential:holdfast.setup=${JSON.stringify(setup)}`,
]

/** A node that becomes a cluster starts anew, and etcd chooses a leader: under emulation that takes a while. */
const inviteMs = 300_000
const againMs = 3_000

/** @returns a join code, once the cluster can give one */
export async function invite(client: CommandLine): Promise<string> {
  const deadline = performance.now() + inviteMs
  for (;;) {
    try {
      return JSON.parse(await client.run('cluster', 'invite', '--minutes', '120', '--json')).code
    } catch (error) {
      if (performance.now() > deadline) throw error
      await sleep(againMs)
    }
  }
}

export class VmCluster implements AsyncDisposable {
  readonly lan: VmLan
  readonly machines: Vm[] = []
  /** Signed in as the owner, at whichever node answers. */
  client!: CommandLine
  ca = ''

  private constructor(lan: VmLan) {
    this.lan = lan
  }

  static async start(options: { folder: string; nodes: number; bootSeconds: number }): Promise<VmCluster> {
    const { nodes } = options
    const cluster = new VmCluster(await VmLan.make(nodes))
    try {
      await cluster.#begin(options)
      for (let number = 2; number <= nodes; number++) await cluster.#grow(number, options)
      await cluster.client.login(cluster.ca, cluster.machines.slice(1))
      return cluster
    } catch (error) {
      await cluster[Symbol.asyncDispose]()
      throw error
    }
  }

  async #begin({ folder, bootSeconds }: { folder: string; bootSeconds: number }): Promise<void> {
    const { name, password } = owner
    const first = { facility: 'Port of Kaldvik', nodeName: 'kaldvik-1', owner: name, password }
    const vm = await this.#switchOn(1, folder, first)
    await untilReady(vm, bootSeconds)
    this.ca = await authority(vm)
    this.client = new CommandLine(vm, join(folder, 'client'))
    await this.client.login(this.ca)
    await vm.says(/HEALTH-OK/, bootSeconds)
    await this.client.run('cluster', 'create', '--address', this.lan.plugs[0]!.address)
  }

  async #grow(number: number, { folder, bootSeconds }: { folder: string; bootSeconds: number }) {
    const setup = { join: await invite(this.client), nodeName: `kaldvik-${number}` }
    const vm = await this.#switchOn(number, folder, setup)
    await vm.says(/JOINED /, bootSeconds)
    await vm.says(/HEALTH-OK/, bootSeconds)
    await untilReady(vm, bootSeconds)
  }

  async #switchOn(number: number, folder: string, setup: object): Promise<Vm> {
    const plug = this.lan.plugs[number - 1]!
    const vm = await Vm.start({
      name: `kaldvik-${number}`,
      folder,
      plug,
      disk: overlayOf(built('.raw'), join(folder, `kaldvik-${number}.qcow2`)),
      smbios: credential({ ...setup, network: { address: plug.network } }),
    })
    this.machines.push(vm)
    return vm
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const vm of this.machines) await vm[Symbol.asyncDispose]()
    await this.lan[Symbol.asyncDispose]()
  }
}
