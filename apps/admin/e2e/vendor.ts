/** A vendor's bundle, and the root of a machine that trusts it. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const root = resolve(import.meta.dirname, '../../..')
const node = join(root, `node_modules/node-linux-${process.arch}/bin/node`)
const program = join(root, 'apps/node/test/make-vendor.ts')

export interface Vendor extends AsyncDisposable {
  machineRoot: string
  /** Path of the bundle. */
  bundle: string
}

/** @param versions what the machine runs, and what the bundle brings */
export async function makeVendor(versions: { runs: string; brings: string }): Promise<Vendor> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-vendor-'))
  const { stdout } = await promisify(execFile)(node, [program, folder, versions.runs, versions.brings])
  return {
    ...(JSON.parse(stdout) as Pick<Vendor, 'machineRoot' | 'bundle'>),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}
