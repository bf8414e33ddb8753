import { once } from 'node:events'
import WebSocket from 'ws'

export interface EntryFrame {
  seq: number
}

export interface PageFrame {
  channel: string
  entries: EntryFrame[]
  more: boolean
}

export interface ChannelFrame {
  id: string
  name: string | null
  head: number
}

interface Frame extends PageFrame {
  t: string
  message?: string
  channels: ChannelFrame[]
}

/** A client of /client/v1 that asks one question at a time, for measuring answers. */
export class ProtocolClient implements Disposable {
  readonly #socket: WebSocket
  readonly #arrived: Frame[] = []
  #wake = () => {}
  channels: ChannelFrame[] = []

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (data) => {
      const parsed: Frame | Frame[] = JSON.parse(String(data))
      this.#arrived.push(...(Array.isArray(parsed) ? parsed : [parsed]))
      this.#wake()
    })
  }

  static async connect(port: number, token: string): Promise<ProtocolClient> {
    const url = `wss://127.0.0.1:${port}/client/v1`
    const socket = new WebSocket(url, { rejectUnauthorized: false, perMessageDeflate: false })
    const client = new ProtocolClient(socket)
    await once(socket, 'open')
    await client.#next('hello')
    client.#send({ t: 'auth', token })
    client.channels = (await client.#next('ready')).channels
    return client
  }

  async page(request: {
    channel: string
    before?: number
    after?: number
    limit: number
  }): Promise<PageFrame> {
    this.#send({ t: 'history', id: 1, ...request })
    return this.#next('page')
  }

  /** Everything of a channel after a sequence, the way a client resumes: `sync`, then page by page while there is more. */
  async resume(channel: string, since: number, pageEntries: number): Promise<EntryFrame[]> {
    this.#send({ t: 'sync', since: { [channel]: since } })
    const first = await this.#next('page')
    await this.#next('synced')
    const entries = [...first.entries]
    for (let more = first.more; more; ) {
      const page = await this.page({ channel, after: entries.at(-1)!.seq, limit: pageEntries })
      entries.push(...page.entries)
      more = page.more
    }
    return entries
  }

  [Symbol.dispose](): void {
    this.#socket.terminate()
  }

  #send(frame: object): void {
    this.#socket.send(JSON.stringify(frame))
  }

  /** The next frame of this type; others in between are not asked for and are dropped. */
  async #next(type: string): Promise<Frame> {
    for (;;) {
      const frame = this.#arrived.shift()
      if (frame?.t === type) return frame
      if (frame?.t === 'error') throw new Error(`the node answered: ${frame.message}`)
      if (!frame)
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
    }
  }
}
