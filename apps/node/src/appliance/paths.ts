/** Where an installed machine keeps what the appliance's programs need. A test gives another root. */
import { join } from 'node:path'

export interface AppliancePaths {
  /** The data partition: all that lasts. */
  data: string
  /** The node's own data folder. */
  node: string
  /** State and history of updates, copies of databases; root's. */
  update: string
  /** Bundles that the daemon received; the daemon's. */
  uploads: string
  /** Network settings from the console, one systemd.network file. */
  network: string
  /** Version of what runs. */
  release: string
  /** Certificates of the release root and of whoever signs set-up files. */
  releaseRoot: string
  setupRoot: string
  commandLine: string
}

export function appliancePaths(root = '/'): AppliancePaths {
  const at = (path: string) => join(root, path)
  return {
    data: at('data'),
    node: at('var/lib/holdfast'),
    update: at('data/update'),
    uploads: at('var/lib/holdfast/updates'),
    network: at('data/network'),
    release: at('usr/lib/holdfast/release.json'),
    releaseRoot: at('usr/lib/holdfast/keys/release-ca.pem'),
    setupRoot: at('usr/lib/holdfast/keys/setup-ca.pem'),
    commandLine: at('proc/cmdline'),
  }
}
