'use client'

import { Banner, Button } from '@patternfly/react-core'
import { useSyncExternalStore } from 'react'
import { formatDuration } from '../lib/format.ts'
import { probeNow, reachability, subscribeReachability } from '../lib/reachability.ts'
import { OtherNodesLinks } from './other-nodes-links.tsx'
import { useNow } from './use-now.ts'

/** Says that the node does not answer, since when, and that the page goes on by itself once it does. */
export function UnreachableBanner() {
  const state = useSyncExternalStore(subscribeReachability, reachability, reachability)
  return <div aria-live="assertive">{!state.reachable && <Message since={state.since ?? 0} />}</div>
}

function Message({ since }: { since: number }) {
  useNow()
  return (
    <Banner status="danger" screenReaderText="Node unreachable">
      <span className="hf-banner">
        <span>
          The node has not answered for {formatDuration(Date.now() - since)}. What you see may be out of date;
          trying again every few seconds.
        </span>
        <Button variant="link" isInline onClick={probeNow}>
          Try now
        </Button>
        <OtherNodesLinks />
      </span>
    </Banner>
  )
}
