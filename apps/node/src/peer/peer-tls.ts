/**
 * TLS between nodes: 1.3 only, both sides show a certificate of the interconnect authority, which issues for nothing
 * else. A node is who its certificate's common name says; addresses change and prove nothing.
 */
import type { PeerCertificate, SecureContextOptions, TLSSocket } from 'node:tls'
import { peerBounds } from './bounds.ts'

/** PEM: this node's certificate of the interconnect authority, its key, and that authority's certificate. */
export interface PeerMaterial {
  key: string
  certificate: string
  authority: string
}

/** Safe against who records today and has a quantum computer later; the second for a side that lacks the first. */
const keyExchanges = 'X25519MLKEM768:X25519'

export function peerContext(material: PeerMaterial): SecureContextOptions {
  return {
    key: material.key,
    cert: material.certificate,
    ca: material.authority,
    minVersion: 'TLSv1.3',
    ecdhCurve: keyExchanges,
  }
}

/** Options of a connection to one member; whoever else answers there is refused in the handshake. */
export function peerConnection(material: PeerMaterial, nodeId: string) {
  return {
    ...peerContext(material),
    rejectUnauthorized: true,
    // The name in the handshake would be an address at best.
    servername: '',
    checkServerIdentity: (_: string, certificate: PeerCertificate): Error | undefined => {
      const found = commonName(certificate)
      return found === nodeId ? undefined : new WrongNodeError(nodeId, found)
    },
  }
}

/** Raised in the handshake. */
export class WrongNodeError extends Error {
  readonly code = 'HOLDFAST_WRONG_NODE'
  constructor(expected: string, found: string | null) {
    super(`node ${found ?? 'without a name'} answers where ${expected} was expected`)
    this.name = 'WrongNodeError'
  }
}

/** Id of the node at the other end of a connection that TLS has accepted; null when its certificate names none. */
export function nodeIdOf(socket: TLSSocket): string | null {
  return socket.authorized ? commonName(socket.getPeerCertificate()) : null
}

/** The subject's one common name, of sane length. */
function commonName(certificate: PeerCertificate): string | null {
  const name: unknown = certificate.subject?.CN
  return typeof name === 'string' && name !== '' && name.length <= peerBounds.nameLength ? name : null
}
