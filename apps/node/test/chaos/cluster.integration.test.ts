/** The short form of `npm run test:chaos`: one of each way in which a cluster loses a node. */
import { expect, onTestFailed, test } from 'vitest'
import { runChaos } from './cluster-chaos.ts'

/** Named in every message of a failure; another one gives another order and other nodes. */
const seed = 20
const durationMs = 32_000
/** A hang guard: on an idle machine it takes little more than a minute. */
const guardMs = 900_000

test('a cluster under load and faults loses nothing, doubles nothing, and its nodes stay the same', {
  timeout: guardMs,
}, async () => {
  const lines: string[] = []
  onTestFailed(() => console.error(lines.join('\n')))
  const { outcomes, revocations, running, stopped } = await runChaos({
    seed,
    durationMs,
    onLine: (line) => lines.push(line),
    faults: ['kill-leader-etcd', 'kill-leader', 'pause-leader-etcd', 'cut-leader', 'mute-leader', 'kill-all'],
    calmMs: [500, 1000],
    faultMs: [3000, 4000],
    pace: { window: 4, messagesPerSecond: 200, bodyBytes: 300 },
  })
  expect(revocations.session).toHaveLength(3)
  expect(revocations.device).toHaveLength(3)
  for (const report of [running, stopped]) {
    expect(report.faults, `seed ${seed}`).toEqual([])
    expect(report).toMatchObject({ ok: true, lost: 0, doubled: 0 })
    expect(report.acknowledged).toBeGreaterThan(0)
  }
  expect(new Set(outcomes.map(({ fault }) => fault.name)).size).toBeGreaterThan(3)
  for (const { fault, load } of outcomes) expect(load.acknowledged, fault.name).toBeGreaterThan(0)
})
