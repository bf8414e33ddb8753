import { queryClient, trpc } from '../../lib/api.ts'

/** Everything that shows people or groups is asked for again. */
export const refreshPeople = () =>
  Promise.all([
    queryClient.invalidateQueries(trpc.people.pathFilter()),
    queryClient.invalidateQueries(trpc.groups.pathFilter()),
    queryClient.invalidateQueries(trpc.channels.pathFilter()),
    queryClient.invalidateQueries(trpc.devices.pathFilter()),
    queryClient.invalidateQueries(trpc.overview.status.pathFilter()),
    queryClient.invalidateQueries(trpc.audit.search.pathFilter()),
  ])
