/** Makes small bundles for tests, signed by keys of their own. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BundleContents } from './bundle.ts'
import { VerityTree } from './verity.ts'

const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] })

export class BundleWorkshop implements AsyncDisposable {
  readonly folder: string

  private constructor(folder: string) {
    this.folder = folder
  }

  static async open(): Promise<BundleWorkshop> {
    return new BundleWorkshop(await mkdtemp(join(tmpdir(), 'holdfast-bundle-test-')))
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  /** A root and a release certificate below it, `NAME-ca.pem`, `NAME.pem`, `NAME.key`. */
  vendor(name: string): string {
    const at = (suffix: string) => this.path(`${name}${suffix}`)
    const curve = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256']
    openssl('genpkey', ...curve, '-out', at('-ca.key'))
    const extension = ['-addext', 'keyUsage=critical,keyCertSign']
    openssl(
      'req',
      '-x509',
      '-new',
      '-key',
      at('-ca.key'),
      '-subj',
      `/CN=${name}`,
      '-days',
      '30',
      ...extension,
      '-out',
      at('-ca.pem'),
    )
    openssl('genpkey', ...curve, '-out', at('.key'))
    openssl('req', '-new', '-key', at('.key'), '-subj', `/CN=${name} release`, '-out', at('.csr'))
    writeFileSync(at('.ext'), 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n')
    openssl(
      'x509',
      '-req',
      '-in',
      at('.csr'),
      '-CA',
      at('-ca.pem'),
      '-CAkey',
      at('-ca.key'),
      '-CAcreateserial',
      '-days',
      '30',
      '-extfile',
      at('.ext'),
      '-out',
      at('.pem'),
    )
    return at('-ca.pem')
  }

  /** A bundle signed by `vendor`. @returns its path */
  bundle(
    name: string,
    options: {
      vendor: string
      version: string
      compatible?: string
      contents?: Partial<BundleContents>
      files?: Record<string, string | Buffer>
    },
  ): string {
    const { vendor, version, compatible = 'holdfast-x86_64', files = {} } = options
    const contents: BundleContents = {
      version,
      date: '2026-01-01T00:00:00.000Z',
      minVersion: '0.1.0',
      migrations: {},
      artefacts: Object.entries(files).map(([file, text]) => artefactOf(file, Buffer.from(text))),
      ...options.contents,
    }
    const tree = this.path(`${name}.tree`)
    execFileSync('mkdir', ['-p', tree])
    for (const [file, text] of Object.entries({ ...files, 'holdfast.json': JSON.stringify(contents) }))
      writeFileSync(join(tree, file), text)
    const payloadFile = this.path(`${name}.squashfs`)
    execFileSync('mksquashfs', [tree, payloadFile, '-noappend', '-quiet', '-no-progress'], {
      stdio: 'ignore',
    })
    const payload = readFileSync(payloadFile)
    const salt = Buffer.alloc(32, 7)
    const verity = new VerityTree(salt)
    verity.add(payload)
    const made = verity.finish()
    const manifest = this.path(`${name}.raucm`)
    writeFileSync(
      manifest,
      `[update]\ncompatible=${compatible}\nversion=${version}\n\n[bundle]\nformat=verity\nverity-hash=${made.root.toString('hex')}\nverity-salt=${salt.toString('hex')}\nverity-size=${made.tree.length}\n`,
    )
    const signature = this.path(`${name}.der`)
    openssl(
      'cms',
      '-sign',
      '-nodetach',
      '-binary',
      '-in',
      manifest,
      '-signer',
      this.path(`${vendor}.pem`),
      '-inkey',
      this.path(`${vendor}.key`),
      '-outform',
      'DER',
      '-out',
      signature,
    )
    const der = readFileSync(signature)
    const size = Buffer.alloc(8)
    size.writeBigUInt64BE(BigInt(der.length))
    const file = this.path(`${name}.raucb`)
    writeFileSync(file, Buffer.concat([payload, made.tree, der, size]))
    return file
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
  }
}

function artefactOf(name: string, bytes: Buffer): BundleContents['artefacts'][number] {
  const kind = ({ img: 'image', deb: 'deb', tar: 'oci', json: 'sbom', md: 'notes', tgz: 'chart' } as const)[
    name.slice(name.lastIndexOf('.') + 1)
  ]
  if (kind === undefined) throw new Error(`${name} is no part of a bundle`)
  return {
    name,
    kind,
    arch: /_(amd64|arm64)\./.exec(name)?.[1] ?? null,
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  }
}
