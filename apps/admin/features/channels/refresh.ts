import { queryClient, trpc } from '../../lib/api.ts'

/** Everything that shows channels is asked for again. */
export const refreshChannels = () =>
  Promise.all([
    queryClient.invalidateQueries(trpc.channels.pathFilter()),
    queryClient.invalidateQueries(trpc.people.get.pathFilter()),
    queryClient.invalidateQueries(trpc.overview.status.pathFilter()),
    queryClient.invalidateQueries(trpc.audit.search.pathFilter()),
  ])
