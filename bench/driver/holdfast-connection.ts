import { limits } from '@holdfast/api/contract/limits'
import WebSocket from 'ws'
import { loopback } from '../lib/network.ts'
import type { Connection, ConnectRequest, OutgoingMessage } from './connection.ts'

/** The frames of /client/v1 that the load needs; a WebSocket message is one frame or an array of them. */
interface Frame {
  t: 'hello' | 'ready' | 'ack' | 'entry' | 'error' | string
  id?: string
  seq?: number
  message?: string
  channels?: { id: string; name: string }[]
}

export interface HoldfastRequest extends ConnectRequest {
  /** The address of this host to connect from. */
  localAddress?: string
}

/**
 * 1. the server says hello  2. the client authenticates  3. the server says ready and lists the channels
 * 4. from then on: send, ack, entry.
 */
export function connectHoldfast(request: HoldfastRequest): Promise<Connection> {
  const { endpoint, member, roomAddress, localAddress, events } = request
  const socket = new WebSocket(`wss://${endpoint.host ?? loopback}:${endpoint.port}/client/v1`, {
    rejectUnauthorized: false, // the certificate was made for this run, on this machine
    perMessageDeflate: false,
    localAddress,
  })
  return new Promise((resolve, reject) => {
    const fail = (reason: string) => {
      reject(new Error(reason))
      events.failed(reason)
    }
    const handshake = (frame: Frame) => {
      if (frame.t === 'hello') socket.send(JSON.stringify({ t: 'auth', token: member.secret }))
      if (frame.t !== 'ready') return
      const channel = frame.channels?.find((candidate) => candidate.name === roomAddress)
      if (channel) resolve(asConnection(socket, channel.id))
      else fail(`${member.name} is not a member of ${roomAddress}`)
    }
    socket.on('message', (data) => {
      const parsed: Frame | Frame[] = JSON.parse(String(data))
      const frames = Array.isArray(parsed) ? parsed : [parsed]
      const acknowledgedIds: string[] = []
      const sequences: number[] = []
      let deliveries = 0
      for (const frame of frames) {
        if (frame.t === 'entry') deliveries++
        else if (frame.t === 'ack') {
          acknowledgedIds.push(frame.id!)
          sequences.push(frame.seq!)
        } else if (frame.t === 'error') fail(`${member.name}: ${frame.message}`)
        else handshake(frame)
      }
      if (deliveries > 0) events.delivered(deliveries)
      if (acknowledgedIds.length > 0) events.acknowledged(acknowledgedIds, sequences)
    })
    socket.on('error', (error) => fail(error.message))
    socket.on('close', (code) => fail(`${member.name} was disconnected with code ${code}`))
  })
}

function asConnection(socket: WebSocket, channel: string): Connection {
  return {
    send(messages: OutgoingMessage[]) {
      for (let from = 0; from < messages.length; from += limits.framesPerArray) {
        const part = messages.slice(from, from + limits.framesPerArray)
        const frames = part.map(({ id, body }) => ({ t: 'send', channel, id, body }))
        socket.send(JSON.stringify(frames.length === 1 ? frames[0] : frames))
      }
    },
    close() {
      socket.removeAllListeners('close')
      socket.close()
    },
    abort() {
      socket.removeAllListeners('close')
      socket.terminate()
    },
  }
}
