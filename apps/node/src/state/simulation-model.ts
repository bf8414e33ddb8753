/**
 * What a simulated log has to come to, told apart from the state machine and without a database: each batch once, those of one
 * origin in the order of their numbers, nothing of a start that is over; each message once, under the next sequence.
 */
import type { Batch } from './commands.ts'
import type { LogEntry } from './sequencer.ts'
import type { Said } from './simulation.ts'

export interface ModelState {
  batches: number
  /** Place of a message, as `person id`. */
  places: Map<string, { channel: number; seq: number }>
}

export interface Beginning {
  /** Of the channels, by number, in the state that the log begins with. */
  heads: ReadonlyMap<number, number>
  mayPost(channel: number, person: number): boolean
}

export function modelOf(written: readonly LogEntry[], { heads, mayPost }: Beginning): ModelState {
  const places: ModelState['places'] = new Map()
  const next = new Map(heads)
  let batches = 0
  for (const batch of inOrder(written)) {
    batches += 1
    for (const [, channel, person, id] of batch.c as unknown as [number, number, number, string][]) {
      if (places.has(`${person} ${id}`) || !mayPost(channel, person)) continue
      const seq = (next.get(channel) ?? 0) + 1
      next.set(channel, seq)
      places.set(`${person} ${id}`, { channel, seq })
    }
  }
  return { batches, places }
}

function* inOrder(written: readonly LogEntry[]): Generator<Batch> {
  const origins = new Map<string, { epoch: number; done: number; here: Map<number, Batch> }>()
  for (const { text } of written) {
    const batch = JSON.parse(text) as Batch
    const epoch = batch.e ?? 0
    let origin = origins.get(batch.o)
    if (origin === undefined || origin.epoch < epoch) {
      origin = { epoch, done: 0, here: new Map() }
      origins.set(batch.o, origin)
    }
    if (origin.epoch > epoch) continue
    origin.here.set(batch.n, batch)
    for (let following = origin.here.get(origin.done + 1); following; ) {
      origin.done += 1
      yield following
      following = origin.here.get(origin.done + 1)
    }
  }
}

/** What a sender was told and is not so; null when all is. */
export function untrue(
  model: ModelState,
  acknowledged: readonly { said: Said; seq: number }[],
): string | null {
  for (const { said, seq } of acknowledged) {
    const place = model.places.get(`${said.person} ${said.id}`)
    if (place?.channel !== said.channel || place.seq !== seq)
      return `${said.id} of ${said.person} was acknowledged as ${seq} of ${said.channel} and is ${JSON.stringify(place)}`
  }
  return null
}
