// The floor under `bench messages`: what is left of a message server when everything that makes it useful is taken
// away. It speaks Holdfast's client protocol over TLS WebSockets, commits groups of messages to SQLite (WAL,
// synchronous=FULL) in a worker thread and fans them out through corked sockets. There are no accounts, no membership,
// no deduplication, no audit, no validation and no bounds.
// Arguments: PORT KEY_FILE CERTIFICATE_FILE DATABASE_FILE frames|arrays. With `frames` each frame is a WebSocket message
// of its own; with `arrays` what one commit brings a member is one message, as in Holdfast.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { type WebSocket, WebSocketServer } from 'ws'

export interface Row {
  channel: string
  id: string
  sender: string
  body: string
  at: number
}

interface Client {
  socket: WebSocket
  stream: Socket
  name: string
}

interface Pending {
  row: Row
  from: Client
}

const [port, keyFile, certificateFile, databaseFile, framing] = process.argv.slice(2)
const inArrays = framing === 'arrays'
const rooms = new Map<string, Client[]>()
const writer = new Worker(new URL('./writer.ts', import.meta.url), { workerData: { file: databaseFile } })
let waiting: Pending[] = []
let committing: Pending[] | undefined

function commitWaiting(): void {
  if (committing || waiting.length === 0) return
  committing = waiting
  waiting = []
  writer.postMessage(committing.map(({ row }) => row))
}

writer.on('message', (seqs: number[]) => {
  const committed = committing!
  committing = undefined
  commitWaiting()
  const entries = new Map<string, string[]>()
  const acks = new Map<Client, string[]>()
  for (const [index, { row, from }] of committed.entries()) {
    const { channel, id, sender, body, at } = row
    const seq = seqs[index]
    push(
      entries,
      channel,
      JSON.stringify({ t: 'entry', channel, seq, id, from: sender, at, kind: 'text', body }),
    )
    push(acks, from, JSON.stringify({ t: 'ack', id, channel, seq, at }))
  }
  fanOut(entries, acks)
})

function fanOut(entries: Map<string, string[]>, acks: Map<Client, string[]>): void {
  const touched = new Set<Client>([
    ...acks.keys(),
    ...[...entries.keys()].flatMap((name) => rooms.get(name) ?? []),
  ])
  for (const client of touched) client.stream.cork()
  for (const [client, frames] of acks) for (const text of messagesOf(frames)) client.socket.send(text)
  for (const [channel, frames] of entries)
    for (const text of messagesOf(frames)) {
      const bytes = Buffer.from(text)
      for (const client of rooms.get(channel) ?? []) client.socket.send(bytes, { binary: false })
    }
  for (const client of touched) client.stream.uncork()
}

/** The WebSocket messages that carry the frames. */
function messagesOf(frames: string[]): string[] {
  return inArrays ? [`[${frames.join()}]`] : frames
}

function push<Key>(lists: Map<Key, string[]>, key: Key, value: string): void {
  const list = lists.get(key)
  if (list) list.push(value)
  else lists.set(key, [value])
}

const tls = {
  key: readFileSync(keyFile!),
  cert: readFileSync(certificateFile!),
  minVersion: 'TLSv1.3' as const,
}
const server = createServer(tls)
const sockets = new WebSocketServer({ server, perMessageDeflate: false })

sockets.on('connection', (socket, request) => {
  const client: Client = { socket, stream: request.socket, name: '' }
  socket.on('message', (data) => {
    const parsed = JSON.parse(String(data))
    for (const frame of Array.isArray(parsed) ? parsed : [parsed])
      if (frame.t === 'auth') enter(client, frame.token)
      else waiting.push({ row: toRow(frame, client.name), from: client })
    commitWaiting()
  })
  socket.send(JSON.stringify({ t: 'hello' }))
})

/** A token names a member and the room: "NAME@ROOM". */
function enter(client: Client, token: string): void {
  const [name, room] = token.split('@') as [string, string]
  client.name = name
  const clients = rooms.get(room)
  if (clients) clients.push(client)
  else rooms.set(room, [client])
  client.socket.send(JSON.stringify({ t: 'ready', person: name, channels: [{ id: room, name: room }] }))
}

function toRow(frame: { channel: string; id: string; body: string }, sender: string): Row {
  return { channel: frame.channel, id: frame.id, sender, body: frame.body, at: Date.now() }
}

// The backlog lets a storm of connections wait in the kernel instead of being reset.
server.listen(Number(port), '127.0.0.1', 4_096)
