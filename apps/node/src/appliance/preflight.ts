/** What is looked at before an update is installed. Each finding says what is wrong and how to mend it. */
import { existsSync, readdirSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Bundle, BundleContents } from './bundle.ts'
import { BundleError } from './bundle-errors.ts'
import type { NodeReadiness } from './local-node.ts'
import type { Release } from './release.ts'
import { compareVersions } from './versions.ts'

export interface PreflightFinding {
  check: 'machine' | 'version' | 'slot' | 'health' | 'space' | 'backup' | 'quorum' | 'members'
  /**
   * `stop` keeps the update from being installed, and so does `confirm` until whoever installs it says that he knows;
   * `warn` is for him to read.
   */
  level: 'ok' | 'warn' | 'confirm' | 'stop'
  found: string
  /** What to do; null when nothing. */
  mend: string | null
}

/** What the checks look at; gathered by the updater, or made up by a test. */
export interface PreflightFacts {
  release: Release
  /** What this installation takes out of a bundle; null: it cannot install one by itself. */
  wanted: { kind: 'image'; compatible: string } | { kind: 'deb'; arch: string } | null
  readiness: NodeReadiness
  /** Whether an earlier update is not settled yet. */
  pending: boolean
  /** Bytes of the databases that a new version may change. */
  databaseBytes: number
  /** Bytes that installing needs beside the databases' copies. */
  workBytes: number
  freeBytes: number
  /** Migrations that the databases have, by database. */
  applied: Readonly<Record<string, readonly string[]>>
  /** Hours since the newest backup; null: none is known. */
  backupAgeHours: number | null
  /** Nodes of the cluster that vote, and how many of them answer; null: a single node. */
  cluster: VoterCount | null
  /** Versions of the other nodes that get the bundle too. */
  others: readonly string[]
}

export interface VoterCount {
  voters: number
  healthy: number
}

/** Copies of databases, and some room for the node to start in. */
const spareBytes = 256 * 1024 * 1024
const oldBackupHours = 48

/** Kind of machine that bundles are for, beside its Debian packages. */
export const compatibleAppliance = 'holdfast-x86_64'

export function preflight(bundle: Bundle, facts: PreflightFacts): PreflightFinding[] {
  return [
    machine(bundle, facts),
    versionPath(bundle, facts),
    pending(facts),
    health(facts),
    space(bundle, facts),
    backup(facts),
    quorum(facts.cluster),
  ]
}

/** Whether the new version changes a database, so that going back needs a copy of it. */
export function changesDatabases(bundle: Bundle, applied: PreflightFacts['applied']): boolean {
  return Object.entries(bundle.contents.migrations).some(([database, known]) =>
    known.some((migration) => !(applied[database] ?? []).includes(migration)),
  )
}

const ok = (check: PreflightFinding['check'], found: string): PreflightFinding => ({
  check,
  level: 'ok',
  found,
  mend: null,
})

function machine({ compatible, contents }: Bundle, { wanted, release }: PreflightFacts): PreflightFinding {
  const stop = (found: string, mend: string): PreflightFinding => ({
    check: 'machine',
    level: 'stop',
    found,
    mend,
  })
  const mend = 'Take the bundle for this kind of machine.'
  if (wanted === null)
    return stop(
      release.kind === 'container'
        ? 'A container cannot replace itself.'
        : 'Only the appliance and the Debian package install bundles by themselves.',
      release.kind === 'container'
        ? 'Take the new image out with holdfast update unpack, and start it in place of this one.'
        : 'Update this installation as it was installed.',
    )
  if (wanted.kind === 'image')
    return compatible === wanted.compatible
      ? ok('machine', `for ${compatible}`)
      : stop(`The bundle is for ${compatible}, this machine is ${wanted.compatible}.`, mend)
  return debOf(contents, wanted.arch) === null
    ? stop(`The bundle holds no package for this machine (${wanted.arch}).`, mend)
    : ok('machine', `a package for ${wanted.arch}`)
}

/** The Debian package in a bundle for machines of an architecture. */
export function debOf(contents: BundleContents, arch: string): BundleContents['artefacts'][number] | null {
  return contents.artefacts.find((each) => each.kind === 'deb' && each.arch === arch) ?? null
}

/** Whether the bundle's version may follow the one that runs. */
export function versionPath(
  bundle: Bundle,
  { release, others }: Pick<PreflightFacts, 'release' | 'others'>,
): PreflightFinding {
  const { minVersion } = bundle.contents
  const order = compareVersions(bundle.version, release.version)
  if (order === 0 && others.some((version) => compareVersions(version, bundle.version) < 0))
    return ok('version', `${bundle.version} runs here already; others get it`)
  if (order === 0)
    return {
      check: 'version',
      level: 'stop',
      found: `Version ${bundle.version} runs already.`,
      mend: 'There is nothing to do.',
    }
  if (order < 0)
    return {
      check: 'version',
      level: 'stop',
      found: `Version ${bundle.version} is older than ${release.version}, which runs.`,
      mend: 'An older version may not read the data of this one. To go back, install it anew and put a backup back.',
    }
  if (compareVersions(release.version, minVersion) < 0)
    return {
      check: 'version',
      level: 'stop',
      found: `Version ${bundle.version} needs ${minVersion} or newer before it; ${release.version} runs.`,
      mend: `Install ${minVersion} first.`,
    }
  return ok('version', `${release.version} to ${bundle.version}`)
}

function pending({ pending: isPending }: PreflightFacts): PreflightFinding {
  if (!isPending) return ok('slot', 'no other update is under way')
  return {
    check: 'slot',
    level: 'stop',
    found: 'Another update is not finished.',
    mend: 'Wait until it is confirmed or taken back; a restart of the machine settles it.',
  }
}

export function health({ readiness }: Pick<PreflightFacts, 'readiness'>): PreflightFinding {
  if (readiness.ready) return ok('health', 'the node serves')
  return {
    check: 'health',
    level: 'stop',
    found: `The node does not serve: ${readiness.reason}.`,
    mend: 'Mend that first (holdfast doctor), so that a fault of the new version can be told from an old one.',
  }
}

const makeRoom = 'Remove old uploads, shorten the retention of channels, or enlarge the disk.'

function space(bundle: Bundle, facts: PreflightFacts): PreflightFinding {
  const copies = changesDatabases(bundle, facts.applied) ? facts.databaseBytes : 0
  const needed = spareBytes + facts.workBytes + copies
  const shown = `${mib(facts.freeBytes)} free, ${mib(needed)} needed`
  if (facts.freeBytes >= needed) return ok('space', shown)
  return { check: 'space', level: 'stop', found: `The disk has too little room: ${shown}.`, mend: makeRoom }
}

/** Before a bundle is copied to where it is installed from. @throws BundleError `preflight` */
export function mustHaveRoom(bytes: number, freeBytes: number): void {
  const needed = spareBytes + bytes
  if (freeBytes >= needed) return
  throw new BundleError(
    'preflight',
    `The disk has too little room for a copy of the bundle: ${mib(freeBytes)} free, ${mib(needed)} needed. ${makeRoom}`,
  )
}

function backup({ backupAgeHours }: PreflightFacts): PreflightFinding {
  const mend =
    'Make a backup and take it off this machine: the update keeps copies of the databases, a broken disk does not.'
  if (backupAgeHours === null) return { check: 'backup', level: 'warn', found: 'No backup is known.', mend }
  if (backupAgeHours > oldBackupHours)
    return {
      check: 'backup',
      level: 'warn',
      found: `The newest backup is ${Math.round(backupAgeHours)} hours old.`,
      mend,
    }
  return ok('backup', `${Math.round(backupAgeHours)} hours old`)
}

/** What the cluster is without this node, or in an update of all without any. */
export function quorum(cluster: VoterCount | null): PreflightFinding {
  if (cluster === null || cluster.voters < 2)
    return {
      check: 'quorum',
      level: 'warn',
      found: 'This is a single node: clients wait while it restarts.',
      mend: null,
    }
  const without = cluster.healthy - 1
  if (without > cluster.voters / 2) return ok('quorum', `${without} of ${cluster.voters} nodes stay`)
  if (mayPause(cluster))
    return {
      check: 'quorum',
      level: 'confirm',
      found: 'A cluster of two can spare no node: nobody can write while one restarts.',
      mend: 'That is a minute or two for each, some ten when the new version does not get healthy. Confirm it in the browser, or with --allow-pause.',
    }
  return {
    check: 'quorum',
    level: 'stop',
    found: `Without this node ${without} of ${cluster.voters} nodes would be left, too few to go on.`,
    mend: 'Bring the other nodes back first.',
  }
}

/** Whether the cluster can go on after a pause without a node: of two, both are there. */
export function mayPause({ voters, healthy }: VoterCount): boolean {
  return voters === 2 && healthy === voters
}

function mib(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`
}

/** Bytes free for others than root at `path`. */
export function freeBytesAt(path: string): number {
  const { bavail, bsize } = statfsSync(path)
  return bavail * bsize
}

/** Bytes of the databases in a node's data folder. */
export function databaseBytesIn(folder: string): number {
  if (!existsSync(folder)) return 0
  return readdirSync(folder)
    .filter((name) => /^(cluster|node)\.db(-wal|-shm)?$/.test(name))
    .reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
}
