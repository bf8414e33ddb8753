/**
 * Keys between the nodes of a cluster. An authority of their own signs nothing else, so that no certificate of a device
 * or a browser ever opens the peer link or etcd.
 */
import { join, resolve } from 'node:path'
import { createAuthority, type KeyedCertificate } from './ca.ts'
import {
  loadOrRenew,
  type NodeNames,
  newNodeCertificate,
  type Trust,
  type TrustPaths,
  writePair,
} from './files.ts'
import { ensurePrivateFolder, readPrivateText } from './private-files.ts'

export function interconnectPaths(dataFolder: string): TrustPaths {
  const folder = join(resolve(dataFolder), 'secrets')
  return {
    folder,
    authority: join(folder, 'interconnect-ca.pem'),
    node: join(folder, 'interconnect.pem'),
  }
}

type Request = NodeNames & { nowMs: number }

/** Makes the authority of a new cluster and its first node's certificate; an earlier cluster's are replaced. */
export async function createInterconnect(
  dataFolder: string,
  request: Request & { facility: string },
): Promise<Trust> {
  const authority = await createAuthority({
    facility: `${request.facility} nodes`,
    nowMs: request.nowMs,
  })
  return adoptInterconnect(dataFolder, authority, request)
}

/** Writes an authority that came from another member, and a certificate of this node by it. */
export async function adoptInterconnect(
  dataFolder: string,
  authority: KeyedCertificate,
  request: Request,
): Promise<Trust> {
  const paths = interconnectPaths(dataFolder)
  await ensurePrivateFolder(paths.folder)
  const node = await newNodeCertificate(authority, request)
  await writePair(paths.authority, authority)
  await writePair(paths.node, node)
  return { authority, node }
}

/**
 * Loads the keys; issues a new certificate when the old one is due or lacks a name. The node's id is its name.
 * @throws TrustFileError as for the facility's own keys
 */
export function loadOrRenewInterconnect(
  dataFolder: string,
  request: Request,
): Promise<Trust & { renewed: boolean }> {
  return loadOrRenew(interconnectPaths(dataFolder), request)
}

export function hasInterconnect(dataFolder: string): boolean {
  return readPrivateText(interconnectPaths(dataFolder).authority) !== null
}
