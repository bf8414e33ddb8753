// The list of what is inside, as CycloneDX 1.6 JSON: Debian's packages, npm's packages of the bundle, Node.
import { readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { root } from '../../scripts/lib/prepare.mjs'
import { etcdProgram } from '../lib/etcd.mjs'
import { debianPackages } from './rootfs.mjs'

/** @returns the document as text, the same for the same contents */
export function sbom({ rootfs, version, date }) {
  const debian = debianPackages(rootfs).map(({ name, version: v, arch }) => ({
    type: 'library',
    'bom-ref': `deb/${name}@${v}`,
    name,
    version: v,
    purl: `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(v)}?arch=${arch}&distro=debian-13`,
  }))
  const document = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      timestamp: new Date(date * 1000).toISOString(),
      component: { type: 'firmware', 'bom-ref': 'holdfast', name: 'Holdfast appliance', version },
    },
    components: [...debian, ...packed(), ...npmPackages()],
  }
  return `${JSON.stringify(document, null, 1)}\n`
}

/** Programs that come neither from the image's dpkg nor as a package of npm that is only a library. */
function packed() {
  const version = basename(dirname(etcdProgram()))
  return [
    {
      type: 'application',
      'bom-ref': `deb/etcd-server@${version}`,
      name: 'etcd-server',
      version,
      purl: `pkg:deb/debian/etcd-server@${encodeURIComponent(version)}?distro=debian-13`,
    },
  ]
}

/** Packages of package-lock.json that are not only for building and testing. */
export function npmPackages() {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const seen = new Map()
  for (const [path, entry] of Object.entries(lock.packages)) {
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    if (!path.startsWith('node_modules/') && !path.includes('/node_modules/')) continue
    if (entry.dev || entry.link || !entry.version) continue
    if (entry.os && !entry.os.includes('linux')) continue
    const ref = `npm/${name}@${entry.version}`
    if (seen.has(ref)) continue
    const component = {
      type: 'library',
      'bom-ref': ref,
      name,
      version: entry.version,
      purl: `pkg:npm/${name.replace('@', '%40')}@${entry.version}`,
    }
    if (entry.license) component.licenses = [{ expression: entry.license }]
    const digest = entry.integrity?.match(/^sha512-(.*)$/)?.[1]
    if (digest)
      component.hashes = [{ alg: 'SHA-512', content: Buffer.from(digest, 'base64').toString('hex') }]
    seen.set(ref, component)
  }
  return [...seen.values()].sort((a, b) => (a['bom-ref'] < b['bom-ref'] ? -1 : 1))
}
