import type { RemoteInfo } from 'node:dgram'
import { infoOf } from './announcement.ts'
import { BeaconReceiver } from './beacon-receiver.ts'
import { BEACON_PORT, linkTargets } from './beacon-service.ts'
import { decideInterfaces, type InterfaceDecision, readInterfaces } from './interfaces.ts'
import { MDNS_PORT } from './mdns.ts'
import { MdnsService } from './mdns-service.ts'
import { type Peer, PeerMap } from './peer-map.ts'
import { UdpPort } from './udp-port.ts'

/** When the query is sent, after the start: UDP loses packets, and a node answers each once. */
const QUERY_AT_MS = [0, 300, 1_000]
/** Reaches every node on this machine; the interfaces' broadcasts do not when it is connected to nothing. */
const LOOPBACK_BROADCAST = '127.255.255.255'
const TIMEOUT_DEFAULT_MS = 2_000

export type DiscoverOptions = {
  /** How long to listen, milliseconds. Default 2000. */
  timeoutMs?: number
  /** Returns as soon as this holds for what was found, for example `(peers) => peers.length > 0`. */
  until?: (peers: Peer[]) => boolean
  /** Which interfaces to ask on; by default the LAN's. */
  interfaces?: 'lan' | string[]
  /** Further hosts to ask directly, IP addresses. */
  hosts?: string[]
  mdns?: boolean
  ports?: { beacon?: number; mdns?: number }
  signal?: AbortSignal
}

/**
 * Finds Holdfast nodes without being one: sends beacon queries and asks mDNS, then returns what answered. Needs no
 * identity, opens no fixed port but shares 5353/udp, and closes everything before it returns.
 *
 * A `verified` peer signed an answer to our own question. That proves which key answers, not that it belongs to the
 * facility: compare `caFingerprint` with the console's, and check it again in TLS when connecting.
 * Nothing found is an empty list; a socket that does not open only makes the list shorter.
 */
export async function discover(options: DiscoverOptions = {}): Promise<Peer[]> {
  const { timeoutMs = TIMEOUT_DEFAULT_MS, until, signal } = options
  const peers = new PeerMap()
  const { table } = readInterfaces()
  const decisions = decideInterfaces(table, options.interfaces ?? 'lan').filter(
    (decision) => decision.announced,
  )
  // What is found in this one call is kept to its end.
  const expiresAtMs = Number.POSITIVE_INFINITY
  const asked = await ask(decisions, options, (sighting) =>
    peers.put({ ...sighting, expiresAtMs }, Date.now()),
  )
  const mdns = new MdnsService({
    port: options.ports?.mdns ?? MDNS_PORT,
    peers,
    lifeMs: expiresAtMs,
    quietMs: 0,
    now: Date.now,
    onProblem: () => {},
  })
  try {
    const opened = options.mdns === false ? undefined : mdns.configure(decisions)
    await waitUntil(() => until?.(peers.list(Date.now())) === true, timeoutMs, signal)
    await opened
    return peers.list(Date.now())
  } finally {
    await asked.close()
    await mdns.close()
  }
}

type Put = (sighting: Omit<Parameters<PeerMap['put']>[0], 'expiresAtMs'>) => void

async function ask(decisions: InterfaceDecision[], options: DiscoverOptions, put: Put) {
  const receiver = new BeaconReceiver()
  const port = options.ports?.beacon ?? BEACON_PORT
  const targets = [LOOPBACK_BROADCAST, ...(options.hosts ?? []), ...decisions.flatMap(linkTargets)]
  const onDatagram = (datagram: Buffer, from: RemoteInfo) => {
    const nowMs = Date.now()
    const received = receiver.receive(datagram, from.address, nowMs)
    if (received.kind !== 'beacon' || !received.answersUs) return
    const { beacon } = received
    const clockOffsetMs = beacon.at - nowMs
    const info = infoOf(beacon)
    put({
      key: beacon.keyFingerprint,
      origin: 'beacon',
      info,
      source: from.address,
      member: false,
      clockOffsetMs,
    })
  }
  const ports: { udp4?: UdpPort; udp6?: UdpPort } = {}
  for (const family of ['udp4', 'udp6'] as const) {
    const udp = new UdpPort({ family, port: 0, onDatagram, onLost: () => {} })
    const opened = await udp.open().then(
      () => true,
      () => false, // A machine without this version of IP asks by the other one.
    )
    if (opened) ports[family] = udp
  }
  const sendAll = () => {
    const datagram = receiver.newQuery(Date.now())
    for (const target of targets)
      void ports[target.includes(':') ? 'udp6' : 'udp4']?.send(datagram, port, target)
  }
  const timers = QUERY_AT_MS.map((atMs) => setTimeout(sendAll, atMs))
  return {
    close: async () => {
      for (const timer of timers) clearTimeout(timer)
      await Promise.all([ports.udp4?.close(), ports.udp6?.close()])
    },
  }
}

const POLL_MS = 25

async function waitUntil(done: () => boolean, timeoutMs: number, signal?: AbortSignal): Promise<void> {
  const endMs = performance.now() + timeoutMs
  while (performance.now() < endMs && !signal?.aborted && !done())
    await new Promise((resolve) => setTimeout(resolve, Math.min(POLL_MS, timeoutMs)))
}
