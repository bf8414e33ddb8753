'use client'

import { Button, Card, CardBody, CardHeader, CardTitle } from '@patternfly/react-core'
import { RelativeTime } from '../../components/relative-time.tsx'
import { count } from '../../lib/format.ts'
import css from './cluster.module.css'
import type { FoundNode } from './waiting-nodes.ts'

/** Nodes on the network that could be added. */
export function FoundNodes({ nodes, onAdd }: { nodes: FoundNode[]; onAdd: (node: FoundNode) => void }) {
  return (
    <Card isCompact>
      <CardHeader>
        <CardTitle component="h2">
          {count(
            nodes.length,
            'node on the network waits for its set-up',
            'nodes on the network wait for their set-up',
          )}
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
