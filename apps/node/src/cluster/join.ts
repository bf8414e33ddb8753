import { HoldfastError } from '@holdfast/api/contract/errors'
import { readEnvironment } from '../config/env.ts'
import { loadConfig } from '../config/load-config.ts'
import { version } from '../core.ts'
import { openDataFolder } from '../data-folder.ts'
import { systemClock } from '../platform/clock.ts'
import { ownAddress } from './addresses.ts'
import { requestAdmission, takePlace } from './admission.ts'

export interface JoinOptions {
  dataDir: string
  code: string
  nodeName: string
  /** Where the other nodes reach this one; its first LAN address when absent. */
  address?: string
  /** Told why the cluster does not take it in yet; it is asked again for a while. */
  onWait?: (reason: string) => void
  /** Ports that this node is going to use, where they differ from its settings. */
  ports?: { httpsPort?: number; peerPort?: number; raftPort?: number }
}

/**
 * Makes a node that does not run, and is not set up, a member of the cluster of the code; `serve` does the rest.
 * @throws HoldfastError `already-set-up`, `wrong-code`, …; UnreachableError; the data folder's errors
 */
export async function joinCluster(options: JoinOptions): Promise<{ facility: string; nodeId: string }> {
  const { dataDir, code, nodeName, ports } = options
  const config = await loadConfig({ flags: { dataDir }, variables: readEnvironment().holdfast })
  const folder = await openDataFolder({
    dataDir,
    facility: 'Holdfast',
    nodeName,
    publicNames: config.publicNames,
    clock: systemClock,
  })
  try {
    const { facility: known, nodeId } = folder.identity
    if (known !== '' || folder.membership.read() !== null)
      throw new HoldfastError(
        'already-set-up',
        `${folder.path} holds a node of ${known || 'a cluster'} already: choose an empty folder.`,
      )
    const address = ownAddress(options.address, config.clusterAddress)
    const candidate = {
      nodeId,
      nodeName,
      version,
      address,
      httpsPort: ports?.httpsPort ?? config.port,
      peerPort: ports?.peerPort ?? config.peerPort,
      raftPort: ports?.raftPort ?? config.raftPort,
    }
    const admission = await requestAdmission(code, candidate, options.onWait)
    await takePlace(folder, admission, { nodeName, address, nowMs: systemClock.now() })
    return { facility: admission.facility, nodeId }
  } finally {
    folder.close()
  }
}
