'use client'

import { Button } from '@patternfly/react-core'
import { usePathname } from 'next/navigation'
import { useSyncExternalStore } from 'react'
import { otherNodes, pageAt, subscribeOtherNodes } from '../lib/other-nodes.ts'

const none: ReturnType<typeof otherNodes> = []

/** The way to the other nodes. Each has sessions of its own, so whoever goes there signs in. */
export function OtherNodesLinks() {
  const nodes = useSyncExternalStore(subscribeOtherNodes, otherNodes, () => none)
  const pathname = usePathname()
  if (nodes.length === 0) return null
  return (
    <span>
      Go on at another node, and sign in there:{' '}
      {nodes.map((node, i) => (
        <span key={node.url}>
          {i > 0 && ', '}
          <Button
            variant="link"
            isInline
            component="a"
            href={pageAt(node, { pathname, search: window.location.search })}
          >
            {node.name}
          </Button>
        </span>
      ))}
    </span>
  )
}
