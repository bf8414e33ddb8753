/** A LAN of network namespaces on one bridge: a host each for containers, none of them with a way to anywhere else. */
import { must, needs, needsRoot, run } from './programs.ts'

export interface LanHost {
  name: string
  address: string
  /** For `podman run --network`. */
  network: string
}

/** Marks the namespaces of this process among those of others. */
const mark = `hfp${process.pid}`

export class Lan implements AsyncDisposable {
  readonly hosts: LanHost[] = []
  readonly #switch = `${mark}-switch`

  private constructor() {}

  /** @param names host names, at most 200 */
  static async make(names: readonly string[]): Promise<Lan> {
    needsRoot()
    needs('ip', 'iproute2')
    const lan = new Lan()
    await must(['ip', 'netns', 'add', lan.#switch])
    await lan.#inSwitch('link', 'add', 'bridge', 'type', 'bridge')
    await lan.#inSwitch('link', 'set', 'bridge', 'up')
    for (const [index, name] of names.entries()) await lan.#plug(name, index + 1)
    return lan
  }

  async #plug(name: string, number: number): Promise<void> {
    const space = `${mark}-${number}`
    const address = `10.99.0.${number}`
    await must(['ip', 'netns', 'add', space])
    this.hosts.push({ name, address, network: `ns:/run/netns/${space}` })
    const port = `port${number}`
    const peer = ['peer', 'name', 'eth0', 'netns', space]
    await this.#inSwitch('link', 'add', port, 'type', 'veth', ...peer)
    await this.#inSwitch('link', 'set', port, 'master', 'bridge', 'up')
    const inside = ['ip', '-n', space]
    await must([...inside, 'address', 'add', `${address}/24`, 'dev', 'eth0'])
    for (const device of ['lo', 'eth0']) await must([...inside, 'link', 'set', device, 'up'])
  }

  async #inSwitch(...args: string[]): Promise<void> {
    await must(['ip', '-n', this.#switch, ...args])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const spaces = this.hosts.map(({ network }) => network.slice('ns:/run/netns/'.length))
    for (const space of [...spaces, this.#switch]) await run(['ip', 'netns', 'delete', space])
  }
}
