import { expect, it } from 'vitest'
import { makeRows } from './test-log.ts'
import { auditView } from './view.ts'

const [row] = makeRows(1)
if (!row) throw new Error('the log has a row')

it('an event is shown with all it says and its hash', () => {
  expect(auditView(row)).toEqual({
    ...JSON.parse(row.event),
    hash: Buffer.from(row.hash).toString('hex'),
  })
})

it.each([
  ['is no JSON', 'x'.repeat(5000)],
  ['is no event', '{"seq":1}'],
  ['was written in another way', row.event.replace('"seq":1', '"seq": 1')],
  ['has a time between milliseconds', row.event.replace(/"at":(\d+)/, '"at":$1.5')],
])('a text that %s does not keep the others from being shown', (_name, event) => {
  const shown = auditView({ ...row, event })
  expect(shown).toMatchObject({ seq: 1, action: 'audit.unreadable', detail: { text: event.slice(0, 1000) } })
  expect(shown.detail.why).toMatch(/\w/)
})
