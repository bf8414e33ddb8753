import type { BackupSchedule } from '@holdfast/api/contract/backup-inputs'

const hourMs = 3600_000

/**
 * When the next scheduled backup is due, in milliseconds since 1970; a time that has passed was missed and is made up at
 * once. Null: never.
 * @param doneAt when the newest backup was made; where there is none, when the schedule was set
 */
export function dueAt(schedule: BackupSchedule, doneAt: number): number | null {
  if (schedule.kind === 'off') return null
  if (schedule.kind === 'hours') return doneAt + schedule.every * hourMs
  const [hour = 0, minute = 0] = schedule.at.split(':').map(Number)
  const due = new Date(doneAt)
  due.setHours(hour, minute, 0, 0)
  // The calendar's next day, which has 23 or 25 hours where clocks are put forward or back.
  if (due.getTime() <= doneAt) due.setDate(due.getDate() + 1)
  return due.getTime()
}
