import { Command } from 'commander'
import { integer } from './arguments.ts'
import { age, printRows } from './output.ts'

interface DiscoverFlags {
  timeout: number
  host?: string[]
  interface?: string[]
  json?: boolean
}

const timeoutSeconds = 2

export function discoverCommand(): Command {
  return new Command('discover')
    .option('--timeout <seconds>', 'how long to listen', integer(1, 60), timeoutSeconds)
    .option('--host <address...>', 'ask these addresses too, beyond the LAN')
    .option('--interface <name...>', "ask on these interfaces instead of all of the LAN's")
    .option('--json', 'print JSON, one value per line')
    .addHelpText(
      'after',
      '\n"verified" means that the node has signed the answer with its key. Whether it is a node of your facility only the\nCA fingerprint tells: compare it with the one on the console.\nExit code 1 when no node was found.',
    )
    .action(discover)
}

async function discover(flags: DiscoverFlags): Promise<void> {
  const { discover: find } = await import('../services/discovery/discover.ts')
  const peers = await find({
    timeoutMs: flags.timeout * 1000,
    ...(flags.host === undefined ? {} : { hosts: flags.host }),
    ...(flags.interface === undefined ? {} : { interfaces: flags.interface }),
  })
  printRows(peers, {
    json: flags.json,
    empty:
      'No node answered. Is discovery switched on there, and UDP 7447 and 5353 open between here and there?',
    columns: [
      { title: 'facility', value: (row) => row.facility ?? null },
      { title: 'node', value: (row) => row.nodeName ?? null },
      { title: 'address', value: (row) => addressOf(row) },
      { title: 'by', value: (row) => row.origins.join(', ') },
      { title: 'verified', value: (row) => (row.contested ? 'CONTESTED' : row.verified ? 'yes' : 'no') },
      { title: 'seen', value: (row) => age(row.lastSeenAt), right: true },
      { title: 'ca fingerprint', value: (row) => colons(row.caFingerprint) },
    ],
  })
  if (peers.length === 0) process.exitCode = 1
}

function addressOf(peer: { addresses: string[]; port: number; seenFrom: string | null }): string | null {
  const host = peer.addresses[0] ?? peer.seenFrom
  if (host === undefined || host === null) return null
  return `https://${host.includes(':') ? `[${host}]` : host}:${peer.port}`
}

/** A fingerprint as the console shows it, so that people can compare the two. */
export function colons(hex: string | null | undefined): string | null {
  return hex?.toUpperCase().match(/../g)?.join(':') ?? null
}
