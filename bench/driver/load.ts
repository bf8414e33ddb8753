// A driver process: it plays every member of every room and measures. Its plan arrives over the parent's channel.
import { setTimeout as sleep } from 'node:timers/promises'
import { Meter } from './meter.ts'
import type { DriverMessage, LoadPlan, LoadResult } from './plan.ts'
import { RoomLoad } from './room-load.ts'
import { Texts } from './words.ts'

const drainMs = 30_000
const drainPollMs = 20
const bodyCount = 1_000

async function run(plan: LoadPlan, failed: (reason: string) => void): Promise<LoadResult> {
  const texts = new Texts()
  const bodies = Array.from({ length: bodyCount }, () => texts.text(plan.bodyBytes))
  const meter = new Meter()
  const { endpoint, window } = plan
  const loads = plan.rooms.map((room) => new RoomLoad({ endpoint, window, bodies, meter, failed }, room))
  for (const load of loads) await load.connect()

  for (const load of loads) load.start()
  await sleep(plan.warmUpMs)
  tell({ event: 'measuring' })
  meter.start()
  await Promise.race([sleep(plan.measureMs, undefined, { ref: false }), stopped])
  meter.stop()
  tell({ event: 'measured' })

  for (const load of loads) load.stop()
  await drained(loads, meter)
  for (const load of loads) load.close()
  return { ...meter.result(), rooms: loads.map((load) => load.result()) }
}

async function drained(loads: RoomLoad[], meter: Meter): Promise<void> {
  const deadline = performance.now() + drainMs
  while (loads.some((load) => !load.isComplete)) {
    const { acknowledgedInTotal, deliveriesInTotal } = meter
    if (performance.now() > deadline)
      throw new Error(
        `after ${acknowledgedInTotal} acknowledgements only ${deliveriesInTotal} deliveries came`,
      )
    await sleep(drainPollMs)
  }
}

function tell(message: DriverMessage, sent?: () => void): void {
  process.send?.(message, undefined, undefined, sent)
}

/** Resolves when the parent has seen enough. */
const stopped = new Promise<void>((resolve) => {
  process.on('message', (message) => message === 'stop' && resolve())
})

// A driver does not outlive the bench.
process.once('disconnect', () => process.exit())

process.once('message', async (plan: LoadPlan) => {
  const fail = (reason: string) => tell({ event: 'failed', reason }, () => process.exit(1))
  try {
    tell({ event: 'result', result: await run(plan, fail) })
    process.disconnect()
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error))
  }
})
