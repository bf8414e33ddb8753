/** The new node's side of joining: asks a member to be admitted, and takes its place. */
import { rmSync } from 'node:fs'
import { createApi } from '@holdfast/api/client/api'
import { createNodeFetch, fetchUntrustedCa } from '@holdfast/api/client/node'
import type { Admission } from '@holdfast/api/cluster-services'
import type { ClusterAdmit } from '@holdfast/api/contract/cluster-inputs'
import { HoldfastError } from '@holdfast/api/contract/errors'
import type { DataFolder } from '../data-folder.ts'
import { ownNames } from '../data-folder.ts'
import { fingerprint } from '../trust/certificates.ts'
import { adoptTrust } from '../trust/files.ts'
import { adoptInterconnect } from '../trust/interconnect.ts'
import { httpsUrl } from './addresses.ts'
import { decodeJoinCode } from './join-code.ts'

/** A cluster that elects its leader, or takes another node in, refuses and is asked again for so long. */
const patienceTries = 90
const patienceMs = 1000

export type Candidate = Omit<ClusterAdmit, 'secret'>

/**
 * Asks the members that the code names, one after the other, until one answers.
 * @param onWait told why the answer takes longer, once for each reason
 * @throws HoldfastError `wrong-code` and what else a member refuses; UnreachableError when none can be reached
 */
export async function requestAdmission(
  code: string,
  candidate: Candidate,
  onWait: (reason: string) => void = () => {},
): Promise<Admission> {
  const join = decodeJoinCode(code)
  let failure: unknown = null
  for (const { address, httpsPort } of join.members) {
    const origin = httpsUrl(address, httpsPort)
    const ca = await fetchUntrustedCa(origin).catch((error: unknown) => {
      failure ??= error
      return null
    })
    if (ca === null) continue
    if (fingerprint(ca).hex !== join.caFingerprint) {
      failure = stranger(ca, origin)
      continue
    }
    using fetch = createNodeFetch({ ca })
    const { admit } = createApi({ urls: [origin], fetch }).cluster
    return await patiently(() => admit.mutate({ ...candidate, secret: join.secret }), onWait)
  }
  throw failure
}

async function patiently<T>(ask: () => Promise<T>, onWait: (reason: string) => void): Promise<T> {
  let told: string | null = null
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask()
    } catch (error) {
      const later = error instanceof HoldfastError && (error.code === 'no-quorum' || error.code === 'busy')
      if (!later || tries === patienceTries) throw error
      if (error.message !== told) onWait(error.message)
      told = error.message
      await new Promise((resolve) => setTimeout(resolve, patienceMs))
    }
  }
}

/** Whoever is not the facility that made the code learns nothing of it; the address may have been a member's before. */
function stranger(ca: string, origin: string): HoldfastError {
  return new HoldfastError(
    'wrong-code',
    `The node at ${origin} is not of the facility that made the code: its authority has the fingerprint ${fingerprint(ca).colons}. Nothing was told to it.`,
  )
}

/**
 * Makes the node of this folder a member, to be started: keys, place in the cluster, name. Its own empty state is
 * replaced by a member's at the start.
 */
export async function takePlace(
  folder: DataFolder,
  admission: Admission,
  own: { nodeName: string; address: string; nowMs: number },
): Promise<void> {
  const { nodeName, address, nowMs } = own
  const { hostnames, ipAddresses } = ownNames([address])
  const names = { hostnames, ipAddresses, nowMs }
  rmSync(folder.etcdFolder, { recursive: true, force: true })
  await adoptTrust(folder.path, admission.authority, { ...names, nodeName })
  await adoptInterconnect(folder.path, admission.interconnect, {
    ...names,
    nodeName: folder.identity.nodeId,
  })
  // Last, and at once: from here on the node is a member; if it ends before, it asks again with the same code.
  folder.nodeDb.transaction(() => {
    folder.saveIdentity({ ...folder.identity, nodeName, facility: admission.facility })
    folder.membership.write({
      generation: admission.generation,
      address,
      initialCluster: admission.initialCluster,
      initialState: 'existing',
      forceNew: false,
      peers: admission.peers,
      fencedBecause: null,
      joinedAt: nowMs,
    })
  })()
}
