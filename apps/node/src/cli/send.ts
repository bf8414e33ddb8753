import { faultOf } from '@holdfast/api/client/outgoing'
import { type Priority, priorities } from '@holdfast/api/contract/names'
import type { Command } from 'commander'
import { integer, oneOf, sequence } from './arguments.ts'
import { UsageError } from './errors.ts'
import { channelId } from './messaging.ts'
import { print, printJson } from './output.ts'
import { openRemote, type RemoteFlags, remoteCommand } from './remote.ts'
import { readStdin } from './secrets.ts'

interface SendFlags extends RemoteFlags {
  id?: string
  priority?: Priority
  reply?: number
  timeout: number
}

const timeoutSeconds = 30

export function sendCommand(): Command {
  return remoteCommand('send')
    .argument('<channel>', 'a channel by name or id, or @name for a direct message')
    .argument('<text>', 'the message; - reads standard input')
    .option('--id <client-id>', 'id of the message: sent twice with the same id, it is stored once')
    .option('--priority <priority>', priorities.join(', '), oneOf(priorities))
    .option('--reply <seq>', 'sequence number of the message this answers', sequence)
    .option(
      '--timeout <seconds>',
      'how long to wait for the acknowledgement',
      integer(1, 3600),
      timeoutSeconds,
    )
    .addHelpText(
      'after',
      '\nPrints the sequence number once the node has stored the message for good. When it fails after the message may\nhave left, send it again with the same --id: it will not be stored twice.',
    )
    .action(send)
}

async function send(channel: string, text: string, flags: SendFlags): Promise<void> {
  const body = text === '-' ? (await readStdin()).replace(/\r?\n$/, '') : text
  const fault = faultOf({ t: 'send', channel: '', id: flags.id ?? '-', body })
  if (fault !== null) throw new UsageError(fault)
  await using remote = await openRemote(flags)
  const client = await remote.connect({ follow: () => false })
  const { id, priority, reply } = flags
  const ack = await client.send(await channelId(client, remote.api, channel), body, {
    ...(id === undefined ? {} : { id }),
    ...(priority === undefined ? {} : { priority }),
    ...(reply === undefined ? {} : { reply }),
    signal: AbortSignal.timeout(flags.timeout * 1000),
  })
  if (flags.json) printJson(ack)
  else print(String(ack.seq))
}
