/** Where an installed machine keeps what the programs beside the daemon need. A test gives another root. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface AppliancePaths {
  /** The data partition: all that lasts. */
  data: string
  /** The node's own data folder. */
  node: string
  /** State and history of updates, copies of databases, packages to go back to; root's. */
  update: string
  /** While it is there the daemon lets no client in: its version is on trial. Gone after a start of the machine. */
  trial: string
  /** Bundles that the daemon received; the daemon's. */
  uploads: string
  /** Code of a cluster that this machine is to join; in memory. */
  joinOffer: string
  /** What a set-up without a person has come to, for the console; in memory. */
  setupState: string
  /** Network settings from the console, one systemd.network file. */
  network: string
  /** The product: Node, the daemon, the UI. */
  product: string
  /** Version of what runs. */
  release: string
  /** Certificates of the release root and of whoever signs set-up files. */
  releaseRoot: string
  setupRoot: string
  commandLine: string
}

export function appliancePaths(root = '/'): AppliancePaths {
  const at = (path: string) => join(root, path)
  const release = at('usr/lib/holdfast/release.json')
  return {
    data: at('data'),
    node: at('var/lib/holdfast'),
    update: at(isPackage(release) ? 'var/lib/holdfast-update' : 'data/update'),
    trial: at('run/holdfast-update/trial'),
    uploads: at('var/lib/holdfast/updates'),
    joinOffer: at('run/holdfast-join.json'),
    setupState: at('run/holdfast-setup.state'),
    network: at('data/network'),
    product: at('usr/lib/holdfast'),
    release,
    releaseRoot: at('usr/lib/holdfast/keys/release-ca.pem'),
    setupRoot: at('usr/lib/holdfast/keys/setup-ca.pem'),
    commandLine: at('proc/cmdline'),
  }
}

/** A machine with a package may have a /data that is its own. */
function isPackage(release: string): boolean {
  try {
    return JSON.parse(readFileSync(release, 'utf8')).kind === 'package'
  } catch {
    return false
  }
}
