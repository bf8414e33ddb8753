/**
 * A LAN of virtual machines: a QEMU without a machine is its switch. It forwards a port of this host to each machine and
 * keeps every packet that passes. A machine alone gets its address by DHCP; several have fixed ones, outside the network of
 * QEMU's router. That router hears what they send to each other and was seen to reset their TCP connections: machines that
 * have to talk to each other need a switch without it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './free-port.ts'

export interface LanPlug {
  /** Arguments of QEMU for the machine's only network card. */
  args: readonly string[]
  /** Its address: by DHCP when it is alone, else for its set-up, with prefix 16, which has QEMU's router in it. */
  address: string
  /** Port of this host that leads to its HTTPS. */
  port: number
}

const httpsPort = 443
/** QEMU's DHCP begins here. */
const firstAddress = 15
const startMs = 500

export class VmLan implements AsyncDisposable {
  readonly plugs: readonly LanPlug[]
  /** Every packet, in pcap format. */
  readonly capture: string
  readonly #switch: ChildProcess

  private constructor(plugs: readonly LanPlug[], capture: string, child: ChildProcess) {
    this.plugs = plugs
    this.capture = capture
    this.#switch = child
  }

  /** @param options.outside whether the LAN has a way to elsewhere: a router and a name server */
  static async make(options: { folder: string; machines: number; outside?: boolean }): Promise<VmLan> {
    const { folder, machines, outside = false } = options
    // Then the router answers for the whole world, and so for the other machines.
    if (outside && machines > 1) throw new Error('a LAN with a way out has room for one machine')
    const capture = join(folder, 'lan.pcap')
    const ports = await Promise.all(Array.from({ length: machines }, freePort))
    const addressOf = (index: number) => `10.0.${machines === 1 ? 2 : 4}.${firstAddress + index}`
    const socket = (index: number) => join(folder, `lan${index}`)
    const forwards = ports.map(
      (port, index) => `hostfwd=tcp:127.0.0.1:${port}-${addressOf(index)}:${httpsPort}`,
    )
    const hub = (id: string) => ['-netdev', `hubport,id=hub-${id},hubid=0,netdev=${id}`]
    const restrict = outside ? [] : ['restrict=on']
    const args = ['-machine', 'none', '-nodefaults', '-display', 'none', '-monitor', 'none']
    args.push('-netdev', ['user', 'id=lan', ...restrict, ...forwards].join(','), ...hub('lan'))
    for (const index of ports.keys())
      args.push(
        ...['-netdev', `stream,id=plug${index},server=on,addr.type=unix,addr.path=${socket(index)}`],
        ...hub(`plug${index}`),
      )
    args.push('-object', `filter-dump,id=capture,netdev=lan,file=${capture}`)
    const child = spawn('qemu-system-x86_64', args, { stdio: ['ignore', 'ignore', 'pipe'] })
    let faults = ''
    child.stderr.on('data', (chunk: Buffer) => {
      faults += chunk.toString()
    })
    await sleep(startMs)
    if (child.exitCode !== null) throw new Error(`the switch of the LAN did not start: ${faults}`)
    const plugs = ports.map((port, index) => ({
      args: ['-netdev', `stream,id=lan,server=off,addr.type=unix,addr.path=${socket(index)}`].concat([
        ...['-device', `virtio-net-pci,netdev=lan,mac=52:54:00:68:66:${hex(index + 1)}`],
      ]),
      address: addressOf(index),
      port,
    }))
    return new VmLan(plugs, capture, child)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = new Promise<void>((resolve) => this.#switch.once('exit', () => resolve()))
    if (this.#switch.exitCode !== null) return
    this.#switch.kill('SIGTERM')
    await gone
  }
}

const hex = (value: number) => value.toString(16).padStart(2, '0')
