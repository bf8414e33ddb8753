import type { PeerView } from '@holdfast/api/services'

/** One node, however many ways it was found. */
export interface FoundNode {
  key: string
  name: string
  addresses: string[]
  port: number
  lastSeenAt: number
}

/** Nodes that announce themselves and hold no facility yet, each once. */
export function waitingNodes(peers: readonly PeerView[]): FoundNode[] {
  const byKey = new Map<string, FoundNode>()
  for (const peer of peers) {
    if (peer.self || peer.setUp !== false || peer.addresses.length === 0) continue
    const key = peer.nodeId === '' ? `${peer.addresses[0]}:${peer.port}` : peer.nodeId
    const known = byKey.get(key)
    byKey.set(key, {
      key,
      name: peer.name,
      port: peer.port,
      addresses: [...new Set([...(known?.addresses ?? []), ...peer.addresses])],
      lastSeenAt: Math.max(known?.lastSeenAt ?? 0, peer.lastSeenAt),
    })
  }
  return [...byKey.values()].sort((left, right) => left.name.localeCompare(right.name))
}
