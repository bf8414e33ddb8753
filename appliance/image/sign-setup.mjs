// `npm run appliance:stick -- FILE.json [--out holdfast-setup.p7s]`: a set-up file that images of these keys take
// from a stick. The text stays readable in it: it holds a password, so keep the stick as one keeps a key.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { StepError } from '../../scripts/lib/run.mjs'
import { releaseKeys } from './keys.mjs'
import { tool } from './lib.mjs'

export async function main(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { out: { type: 'string', default: 'holdfast-setup.p7s' } },
  })
  const [file] = positionals
  if (!file) throw new StepError('give the file with the set-up, as docs/operating/install.md describes it')
  try {
    JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new StepError(`${file} cannot be signed: ${error.message}`)
  }
  const keys = await releaseKeys()
  // openssl writes into a file that is there, so nobody else can read it at any time.
  rmSync(values.out, { force: true })
  writeFileSync(values.out, '', { mode: 0o600, flag: 'wx' })
  await tool('openssl', [
    ...['cms', '-sign', '-nodetach', '-binary', '-outform', 'DER', '-in', file, '-out', values.out],
    ...['-signer', join(keys, 'release.pem'), '-inkey', join(keys, 'release.key')],
  ])
  console.log(`Signed: ${values.out}. Copy it to a stick with the label HOLDFAST.`)
}
