import { limits } from '@holdfast/api/contract/limits'

/** `default`: what the facility's settings say when the channel is made. */
export type Retention = { kind: 'default' } | { kind: 'forever' } | { kind: 'days'; days: string }

/** What the API takes: undefined leaves the facility's default, null keeps for ever. */
export function retentionDays(retention: Retention): number | null | undefined {
  if (retention.kind === 'default') return undefined
  return retention.kind === 'forever' ? null : Number(retention.days)
}

export function isRetentionValid(retention: Retention): boolean {
  if (retention.kind !== 'days') return true
  const days = Number(retention.days)
  return Number.isInteger(days) && days >= 1 && days <= limits.retentionDaysMax
}
