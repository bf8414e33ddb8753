/** Commands on their way into a log that answers late, twice, wrongly or not at all. */
import { limits } from '@holdfast/api/contract/limits'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { systemClock } from '../../platform/clock.ts'
import { createLogger } from '../../platform/logger.ts'
import type { Batch } from '../../state/commands.ts'
import { decodeEntry } from './batch-codec.ts'
import type { EtcdClient } from './etcd-client.ts'
import { Proposals, proposalBounds } from './proposals.ts'

const epoch = 7
/** Longer than any pause before a write is made again. */
const againMs = 1000

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

interface Write {
  batch: Batch
  answer(error: Error | null): void
}

/** The log as a node sees it: what was written in whatever order, each number applied once and in order. */
class SimulatedLog {
  readonly waiting: Write[] = []
  readonly stored = new Map<number, Batch>()
  /** Batches that were answered for or applied, so that they no longer count among those being written. */
  readonly through = new Set<number>()
  applied = 0
  /** Batches that were ever written. */
  written = 0

  put(value: Buffer): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    const answer = (error: Error | null) => (error === null ? resolve(1) : reject(error))
    const text = decodeEntry(value)
    const batch = JSON.parse(text) as Batch
    if (batch.n > this.written) {
      // Of commands of half that size, whatever leaves no room for the next one is larger than half.
      const isFull =
        text.length > proposalBounds.batchCharacters / 2 || batch.c.length >= limits.batchCommands
      if (!isFull) expect(this.through.size, 'a small batch goes alone').toBe(this.written)
      this.written = batch.n
    }
    this.waiting.push({ batch, answer })
    return promise
  }

  take(which: number): Write | undefined {
    return this.waiting.splice(which % Math.max(1, this.waiting.length), 1)[0]
  }

  store({ batch }: Write): void {
    this.stored.set(batch.n, batch)
  }
}

const step = fc.oneof(
  fc.record({
    do: fc.constant('add' as const),
    commands: fc.integer({ min: 1, max: 5 }),
    characters: fc.constantFrom(0, proposalBounds.batchCharacters / 2),
  }),
  fc.record({
    do: fc.constant('write' as const),
    which: fc.nat({ max: 7 }),
    how: fc.constantFrom('stored' as const, 'stored, answer lost' as const, 'refused' as const),
  }),
  fc.record({ do: fc.constant('apply' as const) }),
  fc.record({ do: fc.constant('time' as const) }),
  fc.record({ do: fc.constant('leader' as const) }),
)

test('a command is settled once, by what its batch came to, and never because it was written', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80 }), fc.boolean(), async (steps, stopped) => {
      const log = new SimulatedLog()
      const client = { put: (_: string, value: Buffer) => log.put(value) } as unknown as EtcdClient
      const logger = createLogger({ level: 'fatal' })
      const proposals = new Proposals({ nodeId: 'n_1', client, now: () => 1, clock: systemClock, logger })
      const outcomes: (string | number)[][] = []
      const allowed = new Set<number>()
      const { through } = log
      let commands = 0
      const add = (characters: number): void => {
        const id = commands++
        outcomes.push([])
        proposals.add(`[${id},"${'x'.repeat(characters)}"]`, (error, value) => {
          if (error === null) expect(allowed, `command ${id} was settled before it was applied`).toContain(id)
          outcomes[id]?.push(error === null ? (value as number) : error.code)
        })
      }
      const apply = (): void => {
        const batch = log.stored.get(log.applied + 1)
        if (batch === undefined) return
        log.applied += 1
        through.add(log.applied)
        expect(batch).toMatchObject({ o: 'n_1', e: epoch })
        const ids = (batch.c as unknown as [number][]).map(([id]) => id)
        for (const id of ids) allowed.add(id)
        proposals.applied(
          batch.n,
          ids.map((id) => 1000 + id),
          1,
        )
      }
      const write = (which: number, how: string): void => {
        const taken = log.take(which)
        if (taken === undefined) return
        if (how !== 'refused') log.store(taken)
        if (how === 'stored') through.add(taken.batch.n)
        taken.answer(how === 'stored' ? null : new Error(how))
      }
      proposals.begin(epoch)
      for (const each of steps) {
        if (each.do === 'add') for (let i = 0; i < each.commands; i += 1) add(each.characters)
        else if (each.do === 'write') write(each.which, each.how)
        else if (each.do === 'apply') apply()
        else if (each.do === 'leader') proposals.leaderChanged()
        await vi.advanceTimersByTimeAsync(each.do === 'time' ? againMs : 0)
        // One that is through may still wait for the answer to another try.
        const atOnce = new Set(log.waiting.map(({ batch }) => batch.n).filter((n) => !through.has(n)))
        expect(atOnce.size).toBeLessThanOrEqual(proposalBounds.writes)
      }
      if (stopped) proposals.stop()
      for (let i = 0; i < 200 && !proposals.idle; i += 1) {
        write(0, 'stored')
        apply()
        await vi.advanceTimersByTimeAsync(againMs)
      }
      expect(proposals.idle).toBe(true)
      for (const [id, settled] of outcomes.entries()) {
        if (!stopped) expect(settled, `command ${id}`).toEqual([1000 + id])
        else expect(settled, `command ${id}`).toHaveLength(1)
        for (const outcome of settled) expect([1000 + id, 'shutting-down']).toContain(outcome)
      }
    }),
    { numRuns: 300 },
  )
})

test('regression: what a lost leader was handed is written to the next one at once, and its late answer changes nothing', async () => {
  const log = new SimulatedLog()
  const client = { put: (_: string, value: Buffer) => log.put(value) } as unknown as EtcdClient
  const logger = createLogger({ level: 'fatal' })
  const proposals = new Proposals({ nodeId: 'n_1', client, now: () => 1, clock: systemClock, logger })
  const settled: unknown[] = []
  proposals.begin(epoch)
  proposals.add('[1]', (_, value) => settled.push(value))
  await vi.advanceTimersByTimeAsync(0)
  proposals.leaderChanged()
  expect(log.waiting.map(({ batch }) => batch.n)).toEqual([1, 1])
  log.take(0)?.answer(new Error('the deadline is over'))
  await vi.advanceTimersByTimeAsync(againMs)
  expect(log.waiting).toHaveLength(1)
  log.take(0)?.answer(null)
  await vi.advanceTimersByTimeAsync(0)
  proposals.leaderChanged()
  expect(log.waiting).toHaveLength(0)
  proposals.applied(1, [7], 1)
  expect(settled).toEqual([7])
})
