import type { CarriedOut } from '@holdfast/api/cluster-services'
import { queryClient, trpc } from '../../lib/api.ts'

/** Everything that shows the cluster is asked for again. */
export const refreshCluster = () =>
  Promise.all([
    queryClient.invalidateQueries(trpc.cluster.pathFilter()),
    queryClient.invalidateQueries(trpc.discovery.peers.pathFilter()),
    queryClient.invalidateQueries(trpc.overview.status.pathFilter()),
  ])

/** Who did it: membership changes go through the leader, whichever node was asked. */
export const doneBy = ({ nodeName, forwarded }: CarriedOut) =>
  forwarded
    ? `Done by ${nodeName}, which leads; this node handed it on.`
    : `Done by ${nodeName}, which leads.`
