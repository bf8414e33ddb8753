/**
 * A LAN of virtual machines: a bridge in a network namespace of its own, a tap for each, and no way to anywhere else. QEMU's
 * own router would not do: it hears what machines send to each other, and resets their TCP connections. Clients run in the
 * LAN; the test itself reaches the HTTPS of each through a port of this host's loopback (`vm-lan-relay.ts`).
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import {
  labName,
  namespaceOf,
  namespacePath,
  removeLab,
  sweepLeftovers,
} from '../../apps/node/test/lab/leftovers.ts'
import { must, needs, needsRoot } from './programs.ts'
import type { RelayOrder } from './vm-lan-relay.ts'

export interface LanPlug {
  /** The words before a command that start it in the LAN, QEMU or a client. */
  within: readonly string[]
  /** QEMU's backend of the network card. */
  netdev: string
  /** Of the network card. */
  mac: string
  /** For its set-up: nobody gives addresses here. With the prefix. */
  network: string
  address: string
  /** Port of this host that leads to its HTTPS. */
  port: number
}

const httpsPort = 443
const firstAddress = 15
const relayProgram = join(import.meta.dirname, 'vm-lan-relay.ts')
/** The laboratory counts its LANs from 1; a test has one LAN of machines at a time. */
const lanNumber = 0

export class VmLan implements AsyncDisposable {
  readonly plugs: readonly LanPlug[]
  readonly #name: string
  readonly #relay: ChildProcess

  private constructor(name: string, plugs: readonly LanPlug[], relay: ChildProcess) {
    this.#name = name
    this.plugs = plugs
    this.#relay = relay
  }

  static async make(machines: number): Promise<VmLan> {
    needsRoot()
    needs('ip', 'iproute2')
    sweepLeftovers()
    const name = labName(lanNumber)
    const space = namespaceOf(name, 'lan')
    const within = ['nsenter', `--net=${namespacePath(space)}`, '--']
    await must(['ip', 'netns', 'add', space])
    const inside = (...words: string[]) => must(['ip', '-n', space, ...words])
    await inside('link', 'add', 'bridge', 'type', 'bridge')
    await inside('address', 'add', '10.0.4.1/24', 'dev', 'bridge')
    for (const device of ['lo', 'bridge']) await inside('link', 'set', device, 'up')
    const [program = '', ...words] = [...within, process.execPath, relayProgram]
    const relay = spawn(program, words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const plugs: LanPlug[] = []
    for (let number = 1; number <= machines; number++) {
      const tap = `plug${number}`
      await inside('tuntap', 'add', 'dev', tap, 'mode', 'tap')
      await inside('link', 'set', tap, 'master', 'bridge', 'up')
      const address = `10.0.4.${firstAddress + number - 1}`
      plugs.push({
        within,
        // Without the header of virtio, which the capture of QEMU 7.2 would take for a part of the frame.
        netdev: `tap,ifname=${tap},script=no,downscript=no,vnet_hdr=off`,
        mac: `52:54:00:68:66:${number.toString(16).padStart(2, '0')}`,
        network: `${address}/24`,
        address,
        port: await listenFor(relay, { host: address, port: httpsPort }),
      })
    }
    return new VmLan(name, plugs, relay)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#relay.connected) {
      const gone = once(this.#relay, 'exit')
      this.#relay.disconnect()
      await gone
    }
    removeLab(this.#name)
  }
}

/** Listens outside the namespace and has the relay, inside, take what comes. @returns the port */
async function listenFor(relay: ChildProcess, order: RelayOrder): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise<void>((resolve, reject) =>
    relay.send(order, server, (error) => (error ? reject(error) : resolve())),
  )
  server.close()
  return port
}
