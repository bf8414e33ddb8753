import type { ClientFrame } from '../contract/frames.ts'

type MarkFrame = Extract<ClientFrame, { t: 'mark' }>
interface HighWater {
  delivered: number
  read: number
}

/**
 * Delivered and read marks as high-water numbers: only the newest of each channel is sent, and after a reconnect only
 * what the node does not have yet.
 */
export class Marks {
  readonly #own = new Map<string, HighWater>()
  readonly #sent = new Map<string, HighWater>()
  readonly #dirty = new Set<string>()

  /** Notes marks; true when something is to be sent. */
  note(channel: string, marks: { delivered?: number; read?: number }): boolean {
    const own = this.#own.get(channel) ?? { delivered: 0, read: 0 }
    const read = Math.max(own.read, marks.read ?? 0)
    // What was read was delivered.
    const delivered = Math.max(own.delivered, marks.delivered ?? 0, read)
    this.#own.set(channel, { delivered, read })
    const sent = this.#sent.get(channel)
    if (sent && sent.delivered >= delivered && sent.read >= read) return false
    this.#dirty.add(channel)
    return true
  }

  /** The node's record of this person's marks, as `ready` names it. What is ahead of it here is sent again. */
  reconcile(channels: readonly { id: string; delivered: number; read: number }[]): void {
    this.#dirty.clear()
    this.#sent.clear()
    for (const { id, delivered, read } of channels) {
      this.#sent.set(id, { delivered, read })
      const own = this.#own.get(id)
      if (own && (own.delivered > delivered || own.read > read)) this.#dirty.add(id)
    }
  }

  /** Another branch: what was read behind `shared` has yet to be read. */
  goBack(shared: ReadonlyMap<string, number>): void {
    for (const [channel, { delivered, read }] of this.#own) {
      const most = shared.get(channel) ?? 0
      this.#own.set(channel, { delivered: Math.min(delivered, most), read: Math.min(read, most) })
    }
  }

  forget(channel: string): void {
    this.#own.delete(channel)
    this.#sent.delete(channel)
    this.#dirty.delete(channel)
  }

  /** Takes the frames to send now. */
  flush(): MarkFrame[] {
    const frames: MarkFrame[] = []
    for (const channel of this.#dirty) {
      const own = this.#own.get(channel)
      if (!own) continue
      const sent = this.#sent.get(channel) ?? { delivered: 0, read: 0 }
      const frame: MarkFrame = { t: 'mark', channel }
      if (own.delivered > sent.delivered) frame.delivered = own.delivered
      if (own.read > sent.read) frame.read = own.read
      this.#sent.set(channel, {
        delivered: Math.max(own.delivered, sent.delivered),
        read: Math.max(own.read, sent.read),
      })
      frames.push(frame)
    }
    this.#dirty.clear()
    return frames
  }
}
