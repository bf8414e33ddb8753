import type { Command } from 'commander'
import { integer, sequence } from './arguments.ts'
import { channelId, entryLine, isChannel, Names, tellOfConnection } from './messaging.ts'
import { note, print, printJson } from './output.ts'
import { openRemote, type RemoteFlags, remoteCommand } from './remote.ts'
import { exitCodes } from './run.ts'

interface TailFlags extends RemoteFlags {
  since?: number
  lines: number
  follow: boolean
}

const linesDefault = 10
const linesMax = 100_000

export function tailCommand(): Command {
  return remoteCommand('tail')
    .argument('<channel>', 'a channel by name or id, or @name for the direct one')
    .option('--since <seq>', 'begin behind this sequence number; 0 is the beginning', sequence)
    .option(
      '--lines <n>',
      'without --since: begin with the newest n entries',
      integer(0, linesMax),
      linesDefault,
    )
    .option('--no-follow', 'end when everything that is there has been printed')
    .action(tail)
}

async function tail(reference: string, flags: TailFlags): Promise<void> {
  await using remote = await openRemote(flags)
  const client = await remote.connect({
    follow: (channel) => isChannel(channel, reference),
    begin: (channel) => flags.since ?? Math.max(channel.floor - 1, channel.head - flags.lines, 0),
  })
  const id = await channelId(client, remote.api, reference)
  const names = new Names(remote.api)
  tellOfConnection(client, (line) => note(`holdfast: ${line}`))
  const end = flags.follow ? Number.POSITIVE_INFINITY : (client.channels.get(id)?.head ?? 0)
  client.on('gap', ({ from, to }) => {
    note(`holdfast: entries ${from} to ${to} are gone: the channel's retention removed them.`)
    if (to >= end) client.close()
  })
  if ((client.positions()[id] ?? 0) >= end) return
  process.once('SIGINT', () => {
    client.close()
    process.exitCode = exitCodes.done
  })
  for await (const entry of client.entries()) {
    const fromName = await names.of(entry.from)
    if (flags.json) printJson({ ...entry, fromName })
    else print(entryLine(entry, fromName))
    if (entry.seq >= end) return
  }
}
