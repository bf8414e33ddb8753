'use client'

import type { PeerView } from '@holdfast/api/services'
import { Button, Card, CardBody, CardHeader, CardTitle } from '@patternfly/react-core'
import { RelativeTime } from '../../components/relative-time.tsx'
import { count } from '../../lib/format.ts'
import css from './cluster.module.css'

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

/** Nodes on the network that could be added. */
export function FoundNodes({ nodes, onAdd }: { nodes: FoundNode[]; onAdd: (node: FoundNode) => void }) {
  return (
    <Card isCompact>
      <CardHeader>
        <CardTitle component="h2">
          {count(nodes.length, 'node')} on the network wait for their set-up
        </CardTitle>
      </CardHeader>
      <CardBody>
        <ul className={css.found} aria-label="Nodes that wait for their set-up">
          {nodes.map((node) => (
            <li key={node.key}>
              <div className={css.grow}>
                <strong dir="auto">{node.name}</strong>
                <div className="hf-subtle hf-code-wrap">
                  {node.addresses.join(' · ')} · port {node.port}
                </div>
              </div>
              <span className="hf-subtle">
                seen <RelativeTime at={node.lastSeenAt} />
              </span>
              <Button
                size="sm"
                variant="secondary"
                aria-label={`Add ${node.name}`}
                onClick={() => onAdd(node)}
              >
                Add…
              </Button>
            </li>
          ))}
        </ul>
      </CardBody>
    </Card>
  )
}
