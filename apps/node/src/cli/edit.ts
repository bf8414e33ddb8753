import type { Command } from 'commander'
import { sequence } from './arguments.ts'
import { changeTimeoutMs, channelId } from './messaging.ts'
import { print, printJson } from './output.ts'
import { openRemote, type RemoteFlags, remoteCommand } from './remote.ts'
import { readStdin } from './secrets.ts'

export function editCommand(): Command {
  return remoteCommand('edit')
    .argument('<channel>', 'a channel by name or id, or @name for the direct one')
    .argument('<seq>', 'sequence number of the message', sequence)
    .argument('<text>', 'the new text; - reads standard input')
    .option('--id <client-id>', 'id of the change: sent twice with the same id, it is made once')
    .action(edit)
}

async function edit(
  channel: string,
  seq: number,
  text: string,
  flags: RemoteFlags & { id?: string },
): Promise<void> {
  const body = text === '-' ? (await readStdin()).replace(/\r?\n$/, '') : text
  await using remote = await openRemote(flags)
  const client = await remote.connect({ follow: () => false })
  const id = await channelId(client, remote.api, channel)
  const ack = await client.edit(id, seq, body, {
    ...(flags.id === undefined ? {} : { id: flags.id }),
    signal: AbortSignal.timeout(changeTimeoutMs),
  })
  if (flags.json) printJson(ack)
  else print(String(ack.seq))
}
