/** Nodes of one's own facility on the LAN, for commands whose known nodes are all gone. */
import { X509Certificate } from 'node:crypto'
import type { Peer } from '../services/discovery/peer-map.ts'

const lookMs = 2_000
/** Addresses of one node that are tried. */
const addressesPerNode = 3

/**
 * Addresses of the nodes that announce this CA. Anybody can announce it: whom a command talks to, TLS decides.
 * @param ca PEM
 */
export async function findNodes(ca: string): Promise<string[]> {
  const { discover } = await import('../services/discovery/discover.ts')
  const fingerprints = fingerprintsOf(ca)
  const isOurs = (peer: Peer): boolean => fingerprints.has(peer.caFingerprint ?? '')
  const peers = await discover({ timeoutMs: lookMs, until: (found) => found.some(isOurs) })
  return peers.filter(isOurs).flatMap(urlsOf)
}

/** SHA-256 of each certificate, lower-case hex. */
export function fingerprintsOf(pem: string): Set<string> {
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []
  return new Set(
    certificates.map((text) => new X509Certificate(text).fingerprint256.replaceAll(':', '').toLowerCase()),
  )
}

/** `https://host:port` of a node's addresses; those that hold on one link only cannot stand in an address. */
export function urlsOf(peer: Pick<Peer, 'addresses' | 'port' | 'seenFrom'>): string[] {
  const hosts = new Set([...peer.addresses, ...(peer.seenFrom === null ? [] : [peer.seenFrom])])
  return [...hosts]
    .filter((host) => !host.includes('%') && !/^fe80:/i.test(host))
    .slice(0, addressesPerNode)
    .map((host) => `https://${host.includes(':') ? `[${host}]` : host}:${peer.port}`)
}
