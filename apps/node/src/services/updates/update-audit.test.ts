import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { UpdateJournal } from '../../appliance/update-state.ts'
import { TestLog } from '../../log/log-fixture.ts'
import { UpdateAudit } from './update-audit.ts'

const state = {
  id: 'abc',
  from: '0.1.0',
  to: '0.2.0',
  slot: 'B',
  snapshot: null,
  reason: null,
  by: 'ingrid',
} as const

test('every entry of the history becomes one event, also over restarts and a clock that was set back', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-update-audit-'))
  try {
    await using log = await TestLog.start()
    await log.populate(null)
    const { proposer, logger, db } = log
    let setUp = false
    const audit = () =>
      new UpdateAudit({ update: folder, node: folder }, { proposer, logger, isSetUp: () => setUp })
    const events = () =>
      db.prepare("SELECT action FROM audit_event WHERE action LIKE 'update.%' ORDER BY seq").pluck().all()
    const journal = new UpdateJournal(folder)
    await journal.enter({ ...state, phase: 'installed' }, 2_000)
    await audit().look()
    expect(events()).toEqual([])
    setUp = true
    await audit().look()
    await audit().look()
    expect(events()).toEqual(['update.installed'])
    await journal.enter({ ...state, phase: 'trial' }, 1_000)
    await audit().look()
    // Regression: what a version on trial stores is lost when it is taken back, and would not have been audited again.
    expect(events()).toEqual(['update.installed'])
    await journal.enter({ ...state, phase: 'confirmed' }, 1_000)
    const next = audit()
    await Promise.all([next.look(), next.look()])
    expect(events()).toEqual(['update.installed', 'update.trial', 'update.confirmed'])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
