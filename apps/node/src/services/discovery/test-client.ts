/** A process that looks for nodes once and prints them as JSON. */
import { type DiscoverOptions, discover } from './discover.ts'

const { find, ...options } = JSON.parse(process.argv[2] ?? '{}') as DiscoverOptions & { find: number }
const until = (peers: { origins: string[] }[]) =>
  peers.filter((peer) => peer.origins.length === 2).length >= find
process.stdout.write(JSON.stringify(await discover({ ...options, until })))
