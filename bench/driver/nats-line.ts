import { once } from 'node:events'
import { type Socket, connect as tcpConnect } from 'node:net'
import { type TLSSocket, connect as tlsConnect } from 'node:tls'

const lineEnd = '\r\n'

export interface NatsMessage {
  subject: string
  /** Number of the subscription. */
  subscription: number
  /** ASCII. */
  payload: string
}

export interface NatsEvents {
  /** All that one read of the socket brought. */
  messages(messages: NatsMessage[]): void
  failed(reason: string): void
}

/** A connection that speaks the NATS client protocol: INFO in the clear, then TLS, CONNECT, and PUB, SUB, MSG. */
export class NatsLine {
  readonly #socket: TLSSocket
  readonly #events: NatsEvents
  #pending = ''
  #pong: () => void = () => {}

  private constructor(socket: TLSSocket, events: NatsEvents) {
    this.#socket = socket
    this.#events = events
    socket.setEncoding('latin1') // a character is a byte
    socket.on('data', (text: string) => this.#take(text))
    socket.on('error', (error) => events.failed(error.message))
    socket.on('close', () => events.failed('the NATS server closed the connection'))
  }

  static async connect(host: string, port: number, events: NatsEvents): Promise<NatsLine> {
    const plain = tcpConnect({ host, port, noDelay: true })
    await readInfo(plain)
    const socket = tlsConnect({ socket: plain, rejectUnauthorized: false }) // the certificate was made for this run
    await once(socket, 'secureConnect')
    const line = new NatsLine(socket, events)
    const options = { verbose: false, pedantic: false, tls_required: true, lang: 'bench', version: '1' }
    const ponged = new Promise<void>((resolve) => {
      line.#pong = resolve
    })
    line.write(`CONNECT ${JSON.stringify(options)}${lineEnd}PING${lineEnd}`)
    await ponged
    return line
  }

  subscribe(subject: string, subscription: number): void {
    this.write(`SUB ${subject} ${subscription}${lineEnd}`)
  }

  /** Several of `published`, in one write. */
  write(text: string): void {
    this.#socket.write(text, 'latin1')
  }

  close(): void {
    this.#socket.removeAllListeners('close')
    this.#socket.destroy()
  }

  #take(text: string): void {
    const pending = this.#pending + text
    const messages: NatsMessage[] = []
    let at = 0
    for (;;) {
      const end = pending.indexOf(lineEnd, at)
      if (end === -1) break
      const line = pending.slice(at, end)
      let next = end + lineEnd.length
      if (line.startsWith('MSG ')) {
        const words = line.split(' ')
        const bytes = Number(words.at(-1))
        if (pending.length < next + bytes + lineEnd.length) break
        const payload = pending.slice(next, next + bytes)
        messages.push({ subject: words[1]!, subscription: Number(words[2]), payload })
        next += bytes + lineEnd.length
      } else if (line === 'PING') this.write(`PONG${lineEnd}`)
      else if (line === 'PONG') this.#pong()
      else if (line.startsWith('-ERR')) this.#events.failed(line)
      at = next
    }
    this.#pending = pending.slice(at)
    if (messages.length > 0) this.#events.messages(messages)
  }
}

/** A message for `NatsLine.write`; payload in ASCII. */
export const published = (subject: string, reply: string, payload: string): string =>
  `PUB ${subject} ${reply} ${payload.length}${lineEnd}${payload}${lineEnd}`

async function readInfo(socket: Socket): Promise<void> {
  let text = ''
  while (!text.includes(lineEnd)) {
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    text += chunk.toString('latin1')
  }
  socket.pause()
  socket.removeAllListeners('data')
}
