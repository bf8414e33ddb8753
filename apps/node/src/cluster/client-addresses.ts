import type { Directory } from '../state/directory.ts'
import { httpsUrl } from './addresses.ts'

/** Where clients and browsers reach the members of the cluster; empty on a single node that was never asked. */
export function clientAddresses(
  directory: Pick<Directory, 'nodes'>,
  except?: string,
): { name: string; url: string }[] {
  return [...directory.nodes.values()].flatMap(({ id, name, address, httpsPort }) =>
    id === except || address === null || httpsPort === null
      ? []
      : [{ name, url: httpsUrl(address, httpsPort) }],
  )
}
