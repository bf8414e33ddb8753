import type { Command } from 'commander'
import { sequence } from './arguments.ts'
import { changeTimeoutMs, channelId } from './messaging.ts'
import { print, printJson } from './output.ts'
import { openRemote, type RemoteFlags, remoteCommand } from './remote.ts'

export function deleteCommand(): Command {
  return remoteCommand('delete')
    .argument('<channel>', 'a channel by name or id, or @name for the direct one')
    .argument('<seq>', 'sequence number of the message', sequence)
    .option('--id <client-id>', 'id of the change: sent twice with the same id, it is made once')
    .action(remove)
}

async function remove(channel: string, seq: number, flags: RemoteFlags & { id?: string }): Promise<void> {
  await using remote = await openRemote(flags)
  const client = await remote.connect({ follow: () => false })
  const id = await channelId(client, remote.api, channel)
  const ack = await client.delete(id, seq, {
    ...(flags.id === undefined ? {} : { id: flags.id }),
    signal: AbortSignal.timeout(changeTimeoutMs),
  })
  if (flags.json) printJson(ack)
  else print(String(ack.seq))
}
