import type { PresenceState } from '@holdfast/api/contract/frames'
import type { Command } from 'commander'
import { Names } from './messaging.ts'
import { age, printRows } from './output.ts'
import { openRemote, type RemoteFlags, remoteCommand } from './remote.ts'

interface WhoFlags extends RemoteFlags {
  all?: boolean
}

type Row = PresenceState & { name: string }
const order = { online: 0, away: 1, offline: 2 } as const

export function whoCommand(): Command {
  return remoteCommand('who').option('--all', 'also who is offline').action(who)
}

async function who(flags: WhoFlags): Promise<void> {
  await using remote = await openRemote(flags)
  const names = new Names(remote.api)
  const rows: Row[] = []
  for (const state of await remote.api.presence.list.query())
    if (flags.all || state.state !== 'offline') rows.push({ ...state, name: await names.of(state.person) })
  rows.sort((a, b) => order[a.state] - order[b.state] || a.name.localeCompare(b.name))
  printRows(rows, {
    json: flags.json,
    empty: 'Nobody is here.',
    columns: [
      { title: 'name', value: (row) => row.name },
      { title: 'state', value: (row) => row.state },
      {
        title: 'last seen',
        value: (row) => (row.state === 'offline' ? age(row.lastSeenAt) : 'now'),
        right: true,
      },
      { title: 'devices', value: (row) => row.devices.map(deviceText).join(', ') },
    ],
  })
}

function deviceText(device: PresenceState['devices'][number]): string {
  const place = device.site === '' ? '' : ` at ${device.site}`
  return `${device.name || device.platform || 'not enrolled'}${place}${device.state === 'away' ? ' (away)' : ''}`
}
