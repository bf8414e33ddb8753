/** What the tests of virtual machines start from: images that the build made, in folders that git ignores. */
import { existsSync, mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '../..')
export const out = join(root, '.appliance/out')

/** The built file with this ending, such as `.raw`. */
export function built(suffix: string): string {
  const found = existsSync(out)
    ? readdirSync(out).filter((name) => /^holdfast-\d/.test(name) && name.endsWith(suffix))
    : []
  if (found.length !== 1)
    throw new Error(
      `${found.length} files in ${out} end in ${suffix}: run npm run appliance:image, which makes one`,
    )
  return join(out, found[0]!)
}

/** A folder for disks and logs of one test; it stays when the test fails. */
export function testFolder(name: string): string {
  return mkdtempSync(join(process.env.HOLDFAST_VM_TMP ?? tmpdir(), `holdfast-vm-${name}-`))
}
