import { limits } from '@holdfast/api/contract/limits'
import { expect, test } from 'vitest'
import { isRetentionValid, retentionDays } from './retention.ts'

test('retention as the API takes it', () => {
  expect(retentionDays({ kind: 'default' })).toBeUndefined()
  expect(retentionDays({ kind: 'forever' })).toBeNull()
  expect(retentionDays({ kind: 'days', days: '30' })).toBe(30)
})

test('a number of days is whole and within the bound', () => {
  const days = (text: string) => isRetentionValid({ kind: 'days', days: text })
  expect(['1', '90', String(limits.retentionDaysMax)].map(days)).toEqual([true, true, true])
  expect(['', '0', '-3', '1.5', 'x', String(limits.retentionDaysMax + 1)].map(days)).not.toContain(true)
  expect(isRetentionValid({ kind: 'forever' })).toBe(true)
})
