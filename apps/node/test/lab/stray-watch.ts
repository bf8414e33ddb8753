/** Writes down where a host of the lab sends packets that are not for its LAN; the kernel sees every one of them. */
import type { Host, Lab } from './lab.ts'

const table = 'inet holdfast-stray'
/** Addresses kept; one is a fault already. */
const maxAddresses = 1000
/** RFC 5771 and RFC 4291: groups that no router hands on. */
const here4 = '127.0.0.0/8, 224.0.0.0/24, 255.255.255.255'
const here6 = '::1, fe80::/10, ff00::/8'

export class StrayWatch {
  readonly #lab: Lab
  readonly #host: Host

  private constructor(lab: Lab, host: Host) {
    this.#lab = lab
    this.#host = host
  }

  /** Gives the host a way to everywhere, which ends at the hub, and begins to watch what it sends. */
  static async begin(lab: Lab, host: Host): Promise<StrayWatch> {
    const address = lab.address(host)
    const lan = address.replace(/\d+$/, '0/24')
    const router = lab.address('hub')
    await lab.run(host, ['ip', 'route', 'replace', 'default', 'via', router])
    const rules = `table ${table} {
      set outside4 { type ipv4_addr; size ${maxAddresses}; flags dynamic; }
      set outside6 { type ipv6_addr; size ${maxAddresses}; flags dynamic; }
      set asked { type inet_proto . inet_service; size ${maxAddresses}; flags dynamic; }
      counter sent { }
      chain output {
        type filter hook output priority filter; policy accept;
        counter name sent
        ip daddr != { ${lan}, ${here4} } add @outside4 { ip daddr }
        ip6 daddr != { ${here6} } add @outside6 { ip6 daddr }
        meta l4proto { tcp, udp } th dport { 53, 123, 853 } add @asked { meta l4proto . th dport }
      }
    }`
    await lab.run(host, ['nft', '-f', '-'], rules)
    return new StrayWatch(lab, host)
  }

  /** Packets that the host has sent since. */
  async sent(): Promise<number> {
    const text = await this.#lab.run(this.#host, [
      'nft',
      '-j',
      'list',
      'counters',
      'table',
      ...table.split(' '),
    ])
    const { nftables } = JSON.parse(text) as { nftables: { counter?: { packets: number } }[] }
    return nftables.find(({ counter }) => counter)?.counter?.packets ?? 0
  }

  /** Addresses outside the LAN, and questions for names or the time, that the host has sent packets for. */
  async strays(): Promise<string[]> {
    const found: string[] = []
    for (const set of ['outside4', 'outside6', 'asked']) {
      const text = await this.#lab.run(this.#host, ['nft', '-j', 'list', 'set', ...table.split(' '), set])
      const { nftables } = JSON.parse(text) as { nftables: { set?: { elem?: unknown[] } }[] }
      for (const element of nftables.flatMap((each) => each.set?.elem ?? []))
        found.push(typeof element === 'string' ? element : JSON.stringify(element))
    }
    return found
  }
}
