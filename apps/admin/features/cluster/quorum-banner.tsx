'use client'

import { Banner } from '@patternfly/react-core'
import { useQuery } from '@tanstack/react-query'
import Link from 'next/link'
import { usePathname } from 'next/navigation'
import { useSyncExternalStore } from 'react'
import { OtherNodesLinks } from '../../components/other-nodes-links.tsx'
import { trpc } from '../../lib/api.ts'
import { paths } from '../../lib/paths.ts'
import { reachability, subscribeReachability } from '../../lib/reachability.ts'
import { readOnlyReason, subscribeReadOnly } from '../../lib/read-only.ts'
import { useAllowed } from '../session/use-session.ts'

/** How soon a page without news of its own says that the quorum is lost, or is back. */
const clusterMs = 5_000
/** A single node cannot lose a quorum; it may become a cluster. */
const singleMs = 60_000

/** Says on every page that the cluster accepts nothing new, why, and that what there is can be read. */
export function QuorumBanner() {
  const may = useAllowed()
  const pathname = usePathname()
  const mayAsk = may('cluster.status')
  const status = useQuery(
    trpc.cluster.status.queryOptions(undefined, {
      enabled: mayAsk,
      refetchInterval: (query) => (query.state.data?.mode === 'cluster' ? clusterMs : singleMs),
    }),
  )
  const { reachable } = useSyncExternalStore(subscribeReachability, reachability, reachability)
  const heard = useSyncExternalStore(subscribeReadOnly, readOnlyReason, () => null)
  // Where the node can be asked its answer decides; a notice may be older.
  const reason =
    status.data === undefined
      ? heard
      : status.data.writable
        ? null
        : (status.data.reason ?? 'Too few nodes are there.')
  const isThere = pathname.replace(/\/$/, '') === paths.cluster()
  return (
    <div aria-live="assertive">
      {/* While the node is silent its last answer is old, and the banner above names the other nodes already. */}
      {reachable && reason !== null && (
        <Banner status="danger" screenReaderText="Read-only">
          <span className="hf-banner">
            <span>
              <strong>Read-only:</strong> {reason}
            </span>
            {mayAsk && !isThere && <Link href={paths.cluster()}>See the cluster</Link>}
            <OtherNodesLinks />
          </span>
        </Banner>
      )}
    </div>
  )
}
