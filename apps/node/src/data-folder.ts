import { existsSync, mkdirSync } from 'node:fs'
import { hostname, networkInterfaces } from 'node:os'
import { join, resolve } from 'node:path'
import {
  acquireLock,
  clusterMigrations,
  type FolderLock,
  migrate,
  nodeMigrations,
  OpenError,
  openDatabase,
} from '@holdfast/db'
import type Database from 'better-sqlite3'
import { MembershipFile } from './cluster/membership.ts'
import { type Installation, installIncoming } from './peer/install-incoming.ts'
import type { Clock } from './platform/clock.ts'
import { makeRoomToStart } from './platform/disk-guard.ts'
import { newId } from './platform/random.ts'
import { fingerprint } from './trust/certificates.ts'
import { createTrust, loadOrRenewTrust, type Trust, trustPaths } from './trust/files.ts'
import { loadOrRenewInterconnect } from './trust/interconnect.ts'

export interface NodeIdentity {
  nodeId: string
  nodeName: string
  /** Empty until the node is set up. */
  facility: string
}

/** An opened data folder: locked, migrated, with keys and identity. */
export interface DataFolder {
  path: string
  clusterFile: string
  searchFile: string
  auditDirectory: string
  /** What etcd keeps, while the node belongs to a cluster. */
  etcdFolder: string
  nodeDb: Database.Database
  identity: NodeIdentity
  membership: MembershipFile
  trust: Trust
  /** Keys between the nodes; null on a single node. */
  interconnect: Trust | null
  /** SHA-256 of the CA certificate as people compare it, and as hex. */
  caFingerprint: { colons: string; hex: string }
  /** A state of another node that was put in place just now. */
  installation: Installation
  saveIdentity(identity: NodeIdentity): void
  /** Names and addresses of this machine, as its certificates carry them. */
  names(): { hostnames: string[]; ipAddresses: string[] }
  /** Issues new certificates when the old ones are due or lack a name; says whether it did. */
  renewTrust(nowMs: number): Promise<boolean>
  close(): void
}

export interface DataFolderOptions {
  dataDir: string
  /** For the CA's name, when it is made now. */
  facility: string
  nodeName: string | null
  publicNames: readonly string[]
  clock: Clock
}

/** Where a restore makes a node ready; while it is there the folder is none yet. */
export function restoringFolder(dataDir: string): string {
  return join(dataDir, 'restoring')
}

/**
 * Opens the folder, making what is missing.
 * @throws LockedError, OpenError, MigrationError, TrustFileError: each in one line that says how to mend it
 */
export async function openDataFolder(options: DataFolderOptions): Promise<DataFolder> {
  const path = resolve(options.dataDir)
  mkdirSync(path, { recursive: true, mode: 0o700 })
  if (existsSync(restoringFolder(path)))
    throw new OpenError(
      path,
      `${path} holds a restore that is under way or was cut off: run holdfast backup restore again, then start the node`,
    )
  await makeRoomToStart(path)
  const lock = acquireLock(path)
  try {
    return await openLocked(path, lock, options)
  } catch (error) {
    lock.release()
    throw error
  }
}

async function openLocked(path: string, lock: FolderLock, options: DataFolderOptions): Promise<DataFolder> {
  const { clock } = options
  const clusterFile = join(path, 'cluster.db')
  const installation = await installIncoming(path)
  const cluster = openDatabase(clusterFile, { role: 'writer' })
  try {
    migrate(cluster, clusterMigrations)
  } finally {
    cluster.close()
  }
  const nodeDb = openDatabase(join(path, 'node.db'), { role: 'writer' })
  try {
    migrate(nodeDb, nodeMigrations)
    const nodeName = options.nodeName ?? safeHostname()
    const publicNames = [...options.publicNames, ...addressOf(new MembershipFile(nodeDb))]
    const request = { nodeName, ...ownNames(publicNames), nowMs: clock.now() }
    // Only a folder that never was a node gets an authority: making another one would end every client's trust.
    const known = nodeDb.prepare('SELECT 1 FROM identity').get() !== undefined
    const fresh = !known && !existsSync(trustPaths(path).authority)
    const trust = fresh
      ? await createTrust(path, { ...request, facility: options.facility })
      : await loadOrRenewTrust(path, request)
    const print = fingerprint(trust.authority.certificate)
    const nodePrint = fingerprint(trust.node.certificate)
    nodeDb
      .prepare(
        'INSERT INTO identity (id, nodeId, nodeName, facility, fingerprint, createdAt) VALUES (1, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint',
      )
      .run(newId('n'), nodeName, '', nodePrint.hex, clock.now())
    const identity = nodeDb
      .prepare('SELECT nodeId, nodeName, facility FROM identity WHERE id = 1')
      .get() as NodeIdentity
    const membership = new MembershipFile(nodeDb)
    const names = () => ownNames([...options.publicNames, ...addressOf(membership)])
    const renewInterconnect = (nowMs: number) =>
      loadOrRenewInterconnect(path, { nodeName: identity.nodeId, ...names(), nowMs })
    /** Whether one was renewed that nobody was told of, because the other one could not be. */
    let untold = false
    const folder: DataFolder = {
      path,
      clusterFile,
      searchFile: join(path, 'search.db'),
      auditDirectory: join(path, 'audit'),
      etcdFolder: join(path, 'etcd'),
      nodeDb,
      identity,
      membership,
      installation,
      trust,
      interconnect: membership.read() === null ? null : await renewInterconnect(clock.now()),
      caFingerprint: { colons: print.colons, hex: print.hex },
      saveIdentity: ({ nodeName: name, facility }) => {
        nodeDb.prepare('UPDATE identity SET nodeName = ?, facility = ? WHERE id = 1').run(name, facility)
        identity.nodeName = name
        identity.facility = facility
      },
      renewTrust: async (nowMs) => {
        const renewed = await loadOrRenewTrust(path, { nodeName, ...names(), nowMs })
        if (renewed.renewed) {
          folder.trust = { authority: renewed.authority, node: renewed.node }
          untold = true
        }
        const between = folder.interconnect === null ? null : await renewInterconnect(nowMs)
        if (between?.renewed) {
          folder.interconnect = { authority: between.authority, node: between.node }
          untold = true
        }
        const told = untold
        untold = false
        return told
      },
      names,
      close: () => {
        nodeDb.close()
        lock.release()
      },
    }
    return folder
  } catch (error) {
    nodeDb.close()
    throw error
  }
}

/** The address at which the other members reach this node belongs into its certificate. */
function addressOf(membership: MembershipFile): string[] {
  const address = membership.read()?.address
  return address === undefined ? [] : [address]
}

/** A machine's name as a DNS label (RFC 1035 section 2.3.1). */
export function safeHostname(machine = hostname()): string {
  const name =
    machine
      .split('.')[0]
      ?.toLowerCase()
      .replaceAll(/[^a-z0-9-]/g, '-')
      .slice(0, 63) ?? ''
  const label = name.replaceAll(/^-+|-+$/g, '') || 'node'
  // A number would be read as an address (URL Standard, "ends in a number"); a container's made-up name may be one.
  return /^(\d+|0x[0-9a-f]*)$/.test(label) ? `node-${label}` : label
}

/** Names and addresses by which this machine is reached; they go into its certificate. */
export function ownNames(publicNames: readonly string[]): { hostnames: string[]; ipAddresses: string[] } {
  const host = safeHostname()
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .map((entry) => entry.address.split('%')[0] ?? entry.address)
  const isAddress = (name: string) => /^[\d.]+$|:/.test(name)
  return {
    hostnames: [
      ...new Set(['localhost', host, `${host}.local`, ...publicNames.filter((n) => !isAddress(n))]),
    ],
    ipAddresses: [...new Set(['127.0.0.1', '::1', ...addresses, ...publicNames.filter(isAddress)])],
  }
}
