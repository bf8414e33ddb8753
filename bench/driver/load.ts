// A driver process: it plays every member of every room and measures. Its plan arrives over the parent's channel.

import { setTimeout as sleep } from 'node:timers/promises'
import { type Connection, connectors } from './connection.ts'
import { MessageIds } from './message-id.ts'
import { Meter } from './meter.ts'
import type { DriverMessage, LoadPlan, LoadResult, Room } from './plan.ts'
import { Texts } from './words.ts'

const drainMs = 30_000
const drainPollMs = 20
const bodyCount = 1_000

/** One room: its sender keeps the window full, its other members listen. */
class RoomLoad {
  readonly #meter: Meter
  readonly #window: number
  readonly #bodies: string[]
  readonly #sentAt = new Map<string, number>()
  readonly #connections: Connection[] = []
  #sent = 0
  readonly #ids = new MessageIds()
  #isSending = false

  constructor(meter: Meter, plan: { window: number }, bodies: string[]) {
    this.#meter = meter
    this.#window = plan.window
    this.#bodies = bodies
  }

  get inFlight(): number {
    return this.#sentAt.size
  }

  async connect(endpoint: LoadPlan['endpoint'], room: Room, failed: (reason: string) => void): Promise<void> {
    // One after the other, the sender first: in XMPP the first to enter a room creates it.
    for (const member of room.members)
      this.#connections.push(
        await connectors[endpoint.protocol]({
          endpoint,
          member,
          roomAddress: room.address,
          events: {
            acknowledged: (ids) => this.#acknowledged(ids, failed),
            delivered: (count) => this.#meter.delivered(count),
            failed,
          },
        }),
      )
  }

  start(): void {
    this.#isSending = true
    this.#send(this.#window)
  }

  stop(): void {
    this.#isSending = false
  }

  close(): void {
    for (const connection of this.#connections) connection.close()
  }

  #acknowledged(ids: string[], failed: (reason: string) => void): void {
    const now = performance.now()
    for (const id of ids) {
      const sentAt = this.#sentAt.get(id)
      if (sentAt === undefined) {
        failed(`message ${id} was acknowledged twice or never sent`)
        return
      }
      this.#sentAt.delete(id)
      this.#meter.acknowledged(now - sentAt)
    }
    if (this.#isSending) this.#send(ids.length)
  }

  #send(count: number): void {
    const now = performance.now()
    const messages = Array.from({ length: count }, () => {
      const id = this.#ids.next()
      this.#sentAt.set(id, now)
      return { id, body: this.#bodies[this.#sent++ % this.#bodies.length]! }
    })
    this.#connections[0]!.send(messages)
  }
}

async function run(plan: LoadPlan, failed: (reason: string) => void): Promise<LoadResult> {
  const texts = new Texts()
  const bodies = Array.from({ length: bodyCount }, () => texts.text(plan.bodyBytes))
  const meter = new Meter()
  const loads = plan.rooms.map(() => new RoomLoad(meter, plan, bodies))
  for (const [index, load] of loads.entries()) await load.connect(plan.endpoint, plan.rooms[index]!, failed)

  for (const load of loads) load.start()
  await sleep(plan.warmUpMs)
  tell({ event: 'measuring' })
  meter.start()
  await sleep(plan.measureMs)
  meter.stop()
  tell({ event: 'measured' })

  for (const load of loads) load.stop()
  await drained(plan, loads, meter)
  for (const load of loads) load.close()
  return meter.result()
}

/** Waits until every send is acknowledged and every member got every message. */
async function drained(plan: LoadPlan, loads: RoomLoad[], meter: Meter): Promise<void> {
  const members = plan.rooms[0]!.members.length
  const isComplete = () =>
    loads.every((load) => load.inFlight === 0) &&
    meter.deliveriesInTotal === meter.acknowledgedInTotal * members
  const deadline = performance.now() + drainMs
  while (!isComplete()) {
    if (performance.now() > deadline)
      throw new Error(
        `${meter.acknowledgedInTotal} messages were acknowledged, ${meter.deliveriesInTotal} deliveries arrived`,
      )
    await sleep(drainPollMs)
  }
}

function tell(message: DriverMessage, sent?: () => void): void {
  process.send?.(message, undefined, undefined, sent)
}

process.once('message', async (plan: LoadPlan) => {
  const fail = (reason: string) => tell({ event: 'failed', reason }, () => process.exit(1))
  try {
    tell({ event: 'result', result: await run(plan, fail) })
    process.disconnect()
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error))
  }
})
