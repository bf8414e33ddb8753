import { createHash, type Hash } from 'node:crypto'
import type { Client } from '@holdfast/api/client/client'
import { type Heard, heardLine } from './load-record.ts'

/** A client of one node that listens to every channel from its beginning, and keeps a digest of what it is given. */
export class Reader {
  readonly #client: Client
  readonly #channels: { first: number; last: number; hash: Hash }[]
  readonly #node: number
  #heard = 0

  constructor(options: {
    node: number
    channels: readonly string[]
    client: Client
    onTrouble(trouble: string): void
  }) {
    const { node, channels, client, onTrouble } = options
    this.#client = client
    this.#node = node
    this.#channels = channels.map(() => ({ first: 0, last: 0, hash: createHash('sha256') }))
    const numbers = new Map(channels.map((id, number) => [id, number]))
    client.on('entry', (entry) => {
      const channel = this.#channels[numbers.get(entry.channel) ?? -1]
      if (!channel) return
      if (channel.first === 0) channel.first = entry.seq
      else if (entry.seq !== channel.last + 1)
        onTrouble(`node ${node} gave entry ${entry.seq} of ${entry.channel} behind ${channel.last}`)
      channel.last = entry.seq
      channel.hash.update(heardLine(entry))
      this.#heard += 1
    })
    client.on('gap', (gap) => onTrouble(`node ${node} left out ${JSON.stringify(gap)}`))
  }

  /** Entries so far. */
  get count(): number {
    return this.#heard
  }

  live(): Promise<void> {
    return this.#client.live()
  }

  /** Whether it has come to these sequences, by number of the channel. */
  hasReached(heads: readonly number[]): boolean {
    return heads.every((head, channel) => (this.#channels[channel]?.last ?? 0) >= head)
  }

  heard(): Heard[] {
    return this.#channels.map(({ first, last, hash }, channel) => ({
      node: this.#node,
      channel,
      first,
      last,
      digest: hash.copy().digest('hex'),
    }))
  }

  close(): void {
    this.#client.close()
  }
}
