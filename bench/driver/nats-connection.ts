import { randomBytes } from 'node:crypto'
import { loopback } from '../lib/network.ts'
import type { Connection, ConnectRequest } from './connection.ts'
import { NatsLine, type NatsMessage, published } from './nats-line.ts'

const acknowledgements = 1
const deliveries = 2

/** A room is a subject of a JetStream stream; a publish is acknowledged by the stream, on an inbox of this connection. */
export async function connectNats(request: ConnectRequest): Promise<Connection> {
  const { endpoint, roomAddress, events } = request
  const inbox = `_INBOX.${randomBytes(8).toString('hex')}`
  const messages = (arrived: NatsMessage[]) => {
    const ids: string[] = []
    const sequences: number[] = []
    let delivered = 0
    for (const { subject, subscription, payload } of arrived) {
      if (subscription === deliveries) {
        delivered++
        continue
      }
      const { seq, error } = JSON.parse(payload) as { seq?: number; error?: { description: string } }
      if (seq === undefined) events.failed(`JetStream refused a message: ${error?.description ?? payload}`)
      else {
        ids.push(subject.slice(inbox.length + 1))
        sequences.push(seq)
      }
    }
    if (delivered > 0) events.delivered(delivered)
    if (ids.length > 0) events.acknowledged(ids, sequences)
  }
  const line = await NatsLine.connect(endpoint.host ?? loopback, endpoint.port, {
    messages,
    failed: events.failed,
  })
  line.subscribe(`${inbox}.*`, acknowledgements)
  line.subscribe(roomAddress, deliveries)
  return {
    send: (outgoing) =>
      line.write(outgoing.map(({ id, body }) => published(roomAddress, `${inbox}.${id}`, body)).join('')),
    close: () => line.close(),
    abort: () => line.close(),
  }
}
