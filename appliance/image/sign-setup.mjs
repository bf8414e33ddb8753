// `npm run appliance:stick -- FILE.json [--out holdfast-setup.p7s]`: a set-up file that images of these keys take
// from a stick. The text stays readable in it: it holds a password, so keep the stick as one keeps a key.
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { installPackages, pinnedNode, root } from '../../scripts/lib/prepare.mjs'
import { run, StepError } from '../../scripts/lib/run.mjs'
import { releaseKeys } from './keys.mjs'
import { tool } from './lib.mjs'

export async function main(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { out: { type: 'string', default: 'holdfast-setup.p7s' } },
  })
  const [file, ...more] = positionals
  if (!file || more.length > 0)
    throw new StepError('give one file with the set-up, as docs/operating/install.md describes it')
  if (resolve(file) === resolve(values.out))
    throw new StepError(`${values.out} is the set-up itself: give another file with --out`)
  await installPackages()
  // Whatever the machine would refuse is found here, and not after the way to it.
  const checked = await run(pinnedNode, [join(root, 'appliance/image/check-setup.ts'), file])
  if (checked.status !== 0) throw new StepError(`Nothing was signed. ${checked.output.trim()}`)
  const keys = await releaseKeys({ make: false })
  // openssl writes into a file that is there, so nobody else can read it at any time.
  const half = `${values.out}.half`
  try {
    rmSync(half, { force: true })
    writeFileSync(half, '', { mode: 0o600, flag: 'wx' })
    await tool('openssl', [
      ...['cms', '-sign', '-nodetach', '-binary', '-outform', 'DER', '-in', file, '-out', half],
      ...['-signer', join(keys, 'release.pem'), '-inkey', join(keys, 'release.key')],
    ])
    renameSync(half, values.out)
  } finally {
    rmSync(half, { force: true })
  }
  console.log(`Signed: ${values.out}. Copy it to a stick with the label HOLDFAST.`)
}
