import { expect, test } from 'vitest'
import { CertificateRenewal } from './certificate-renewal.ts'
import type { Logger } from './platform/logger.ts'
import { Alerts } from './services/overview/alerts.ts'
import { TestClock } from './trust/test-clock.ts'

function renewal(renew: () => Promise<boolean>, use = () => {}) {
  const clock = new TestClock()
  const alerts = new Alerts(clock)
  const errors: string[] = []
  const logger = {
    info: () => {},
    error: ({ err }: { err: Error }) => errors.push(err.message),
  } as unknown as Logger
  return { it: new CertificateRenewal({ renew, use, clock, alerts, logger }), alerts, errors }
}

test('regression: a failure is logged once for each reason, and its alert ends with it', async () => {
  let problem: string | null = 'EACCES'
  const { it, alerts, errors } = renewal(async () => {
    if (problem !== null) throw new Error(problem)
    return false
  })
  for (const next of ['EACCES', 'EACCES', 'ENOSPC', 'ENOSPC', null, 'ENOSPC']) {
    problem = next
    await it.look()
    expect(alerts.list().map(({ code }) => code)).toEqual(next === null ? [] : ['certificate'])
  }
  expect(errors).toEqual(['EACCES', 'ENOSPC', 'ENOSPC'])
})

test('what was made and could not be used is used at the next look', async () => {
  const made = [true, false, false]
  const uses: string[] = []
  const { it, alerts } = renewal(
    async () => made.shift() ?? false,
    () => {
      uses.push('asked')
      if (uses.length === 1) throw new Error('the server is not there yet')
    },
  )
  for (let i = 0; i < 3; i += 1) await it.look()
  expect(uses).toHaveLength(2)
  expect(alerts.list()).toEqual([])
})
