import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { EtcdBinaryError } from './errors.ts'

/**
 * The accepted releases of etcd: 3.5 from this patch on, because older ones can leave out revisions of a watch without
 * a word; 3.6 has another data format.
 */
const minimumPatch = 13
const accepted = `3.5.${minimumPatch} or newer of 3.5`
const systemPath = '/usr/bin/etcd'
/** How many folders above this module the program's own may lie: sources are five below it. */
const maxRootDepth = 6
/** A program that has not said its version by then hangs. */
const versionTimeoutMs = 10_000
const maxVersionBytes = 65_536
const remedy = 'install etcd-server of Debian 13, or run npm start in the checkout, which fetches it'

export interface EtcdBinary {
  path: string
  /** For example `3.5.16`. */
  version: string
}

/**
 * The etcd that a node of a cluster runs, of an accepted release: the configured one and no other, or else the first
 * that fits of 1. the one beside the bundle, 2. the one that set-up fetched into `.tools`, 3. `lib/holdfast/etcd/etcd`
 * of the installation, 4. the system's.
 * @param configured path of the program, or null to look for it
 * @param search where to look; other than the defaults in tests only
 * @throws EtcdBinaryError, in one line that says what was found and how to mend it
 */
export function findEtcd(
  configured: string | null,
  search: { moduleFolder: string; system: string } = {
    moduleFolder: import.meta.dirname,
    system: systemPath,
  },
): EtcdBinary {
  if (configured !== null) {
    const binary = examine(configured)
    if ('version' in binary) return { path: configured, version: binary.version }
    throw new EtcdBinaryError(
      `the configured etcd cannot be used: ${binary.problem}; give the path of etcd ${accepted}, or none to have it found`,
    )
  }
  const problems: string[] = []
  for (const path of [...ownPaths(search.moduleFolder), search.system]) {
    if (!isFile(path)) continue
    const binary = examine(path)
    if ('version' in binary) return { path, version: binary.version }
    problems.push(binary.problem)
  }
  const found = problems.length === 0 ? 'there is none on this machine' : problems.join(', ')
  throw new EtcdBinaryError(`a cluster needs etcd ${accepted}, and ${found}; ${remedy}`)
}

/** Places that belong to the program; never above its own folder, where others may put files. */
function ownPaths(moduleFolder: string): string[] {
  const beside = join(moduleFolder, 'etcd')
  const root = programRoot(moduleFolder)
  if (root === null) return [beside]
  const tools = join(root, '.tools/etcd')
  const fetched = existsSync(tools) ? readdirSync(tools).sort(newestFirst) : []
  return [
    beside,
    ...fetched.map((version) => join(tools, version, 'etcd')),
    join(root, 'lib/holdfast/etcd/etcd'),
  ]
}

/** The nearest folder above that has the launcher: the checkout, or the prefix of an installation. */
function programRoot(moduleFolder: string): string | null {
  let folder = moduleFolder
  for (let depth = 0; depth < maxRootDepth; depth += 1) {
    folder = dirname(folder)
    if (isFile(join(folder, 'bin/holdfast'))) return folder
  }
  return null
}

function newestFirst(a: string, b: string): number {
  return b.localeCompare(a, 'en', { numeric: true })
}

function examine(path: string): { version: string } | { problem: string } {
  const run = spawnSync(path, ['--version'], {
    encoding: 'utf8',
    timeout: versionTimeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: maxVersionBytes,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  if (run.error) return { problem: `${path} cannot be run (${(run.error as NodeJS.ErrnoException).code})` }
  const [, version, minor, patch] = /^etcd Version: ((\d+\.\d+)\.(\d+))/m.exec(run.stdout) ?? []
  if (version === undefined) return { problem: `${path} does not say its version as etcd does` }
  if (minor !== '3.5' || Number(patch) < minimumPatch) return { problem: `${path} is ${version}` }
  return { version }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}
