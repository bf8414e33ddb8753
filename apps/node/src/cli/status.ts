import type { BackupStatus } from '@holdfast/api/backup-services'
import type { StatusView } from '@holdfast/api/services'
import type { Command } from 'commander'
import { newestText } from './backup-text.ts'
import { age, bytes, dateTime, facts, print, printable, printJson, red } from './output.ts'
import { openRemote, type RemoteFlags, remoteCommand } from './remote.ts'

export function statusCommand(): Command {
  return remoteCommand('status').action(status)
}

async function status(flags: RemoteFlags): Promise<void> {
  await using remote = await openRemote(flags)
  const { api } = remote
  const [view, backups] = await Promise.all([api.overview.status.query(), api.backups.status.query()])
  if (flags.json) printJson({ ...view, backups })
  else show(view, backups)
}

function show(view: StatusView, backups: BackupStatus): void {
  const { sample, devices } = view
  const lines = facts([
    ['Facility', view.facility],
    ['Node', `${view.nodeName} (${view.nodeId}), version ${view.version}`],
    ['Up', age(view.startedAt, view.now)],
    ['Addresses', view.addresses.join(' ')],
    ['CA fingerprint', view.caFingerprint],
    ['Certificate', `until ${dateTime(view.certificateExpiresAt)}`],
    ['People', `${view.people} (${sample.peopleOnline} here, ${sample.connections} connections)`],
    ['Devices', `${devices.approved} approved, ${devices.pending} waiting`],
    ['Channels', view.channels],
    ['Messages', `${view.messages} (${sample.messagesPerSecond.toFixed(1)}/s)`],
    [
      'Ack time',
      sample.ackP50Ms === null
        ? null
        : `p50 ${sample.ackP50Ms.toFixed(1)} ms, p99 ${sample.ackP99Ms?.toFixed(1)} ms`,
    ],
    ['Audit events', view.auditEvents],
    ['Log index', view.logIndex],
    ['Data', `${bytes(view.dataBytes)}, ${bytes(view.diskFreeBytes)} of ${bytes(view.diskTotalBytes)} free`],
    ['Newest backup', newestText(backups, view.now)],
    ['Memory', `${bytes(sample.rssBytes)}, processor ${sample.cpuPercent.toFixed(0)} %`],
  ])
  for (const line of lines) print(line)
  for (const alert of view.alerts)
    print(
      `${red(alert.level.toUpperCase())}  ${printable(alert.message)} (for ${age(alert.since, view.now)})`,
    )
}
