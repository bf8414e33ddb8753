import type { BackupStatus } from '@holdfast/api/backup-services'
import type { BackupSchedule } from '@holdfast/api/contract/backup-inputs'
import { age, count } from './output.ts'

/** A line of `holdfast status`; the newest backup of any node. */
export function newestText({ last, settings }: BackupStatus, nowMs: number): string {
  const [newest] = last
  if (newest !== undefined) return `${age(newest.at, nowMs)} ago (${scheduleText(settings.schedule)})`
  return settings.recipient === null ? 'never; no recovery key' : `never (${scheduleText(settings.schedule)})`
}

export function scheduleText(value: BackupSchedule): string {
  if (value.kind === 'off') return 'off'
  return value.kind === 'daily' ? `every day at ${value.at}` : `every ${count(value.every, 'hour')}`
}
