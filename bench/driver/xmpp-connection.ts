import { connect as tlsConnect } from 'node:tls'
import type { Connection, ConnectRequest, OutgoingMessage } from './connection.ts'
import { type Element, escapeXml, findChild, XmlStream } from './xml-stream.ts'

const domain = 'localhost'
const archiveNamespace = 'urn:xmpp:sid:0'
const selfPresenceStatus = '110'
const streamHeader = `<?xml version='1.0'?><stream:stream to='${domain}' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`

/**
 * 1. TLS, stream header (RFC 6120)  2. SASL PLAIN  3. new stream, resource binding
 * 4. join the room without history (XEP-0045), until the own presence comes back
 * 5. from then on: group chat messages. The reflection of an own message that carries the archive's stanza-id
 *    (XEP-0359) acknowledges it: the room gives that id only to what it has archived.
 */
export function connectXmpp(request: ConnectRequest): Promise<Connection> {
  const { endpoint, member, roomAddress, events } = request
  const occupant = `${roomAddress}/${member.name}`
  const socket = tlsConnect({ host: '127.0.0.1', port: endpoint.port, rejectUnauthorized: false })
  socket.setNoDelay(true)
  socket.setEncoding('utf8')
  return new Promise((resolve, reject) => {
    const fail = (reason: string) => {
      reject(new Error(`${member.name}: ${reason}`))
      events.failed(`${member.name}: ${reason}`)
    }
    let acknowledgedIds: string[] = []
    let deliveries = 0

    const groupChat = (stanza: Element) => {
      if (!findChild(stanza, 'body')) return // the room's subject
      deliveries++
      if (stanza.attributes.from !== occupant) return
      const archiveId = stanza.children.find(
        (child) => child.name === 'stanza-id' && child.attributes.xmlns === archiveNamespace,
      )
      if (archiveId?.attributes.by === roomAddress) acknowledgedIds.push(stanza.attributes.id!)
      else fail('a message came back without being archived')
    }

    const handle = (stanza: Element) => {
      const type = stanza.attributes.type
      if (type === 'error' || stanza.name === 'failure' || stanza.name === 'stream:error')
        fail(JSON.stringify(stanza))
      else if (stanza.name === 'message' && type === 'groupchat') groupChat(stanza)
      else if (stanza.name === 'stream:features') socket.write(negotiate(stanza, member))
      else if (stanza.name === 'success') {
        stream.restart()
        socket.write(streamHeader)
      } else if (stanza.name === 'iq' && stanza.attributes.id === 'bind') socket.write(joinRoom(occupant))
      else if (isOwnPresence(stanza, occupant)) resolve(asConnection(socket, roomAddress))
    }

    const stream = new XmlStream(handle)
    socket.on('secureConnect', () => socket.write(streamHeader))
    socket.on('data', (chunk: string) => {
      stream.write(chunk)
      if (deliveries > 0) events.delivered(deliveries)
      if (acknowledgedIds.length > 0) events.acknowledged(acknowledgedIds)
      deliveries = 0
      acknowledgedIds = []
    })
    socket.on('error', (error) => fail(error.message))
    socket.on('close', () => fail('was disconnected'))
  })
}

function negotiate(features: Element, member: { name: string; secret: string }): string {
  if (findChild(features, 'mechanisms')) {
    const credentials = Buffer.from(`\0${member.name}\0${member.secret}`).toString('base64')
    return `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${credentials}</auth>`
  }
  return `<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>`
}

function joinRoom(occupant: string): string {
  const room = `<x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x>`
  return `<presence to='${escapeXml(occupant)}'>${room}</presence>`
}

function isOwnPresence(stanza: Element, occupant: string): boolean {
  if (stanza.name !== 'presence' || stanza.attributes.from !== occupant) return false
  return stanza.children.some((child) =>
    child.children.some(
      (status) => status.name === 'status' && status.attributes.code === selfPresenceStatus,
    ),
  )
}

function asConnection(socket: ReturnType<typeof tlsConnect>, roomAddress: string): Connection {
  const to = escapeXml(roomAddress)
  return {
    send(messages: OutgoingMessage[]) {
      const stanzas = messages.map(
        ({ id, body }) =>
          `<message to='${to}' type='groupchat' id='${id}'><body>${escapeXml(body)}</body></message>`,
      )
      socket.write(stanzas.join(''))
    },
    close() {
      socket.removeAllListeners('close')
      socket.end('</stream:stream>')
    },
    abort() {
      socket.removeAllListeners('close')
      socket.destroy()
    },
  }
}
