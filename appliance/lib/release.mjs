// What an installation knows of itself: its version, how it was installed, and whose bundles it trusts.
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Lays release.json and the certificate of the release root into a tree.
 * @param {object} options
 * @param {'package' | 'container'} options.kind
 * @param {string} options.keys folder with release-ca.pem; nothing else of it is taken
 */
export function markRelease({ tree, kind, version, epochSeconds, keys }) {
  const folder = join(tree, 'usr/lib/holdfast')
  mkdirSync(join(folder, 'keys'), { recursive: true })
  cpSync(join(keys, 'release-ca.pem'), join(folder, 'keys/release-ca.pem'))
  const date = new Date(epochSeconds * 1000).toISOString()
  writeFileSync(join(folder, 'release.json'), `${JSON.stringify({ version, date, kind })}\n`)
}
