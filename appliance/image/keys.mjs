// Keys of a release: an offline root that images trust, and the release certificate below it that signs.
// A vendor gives its own with HOLDFAST_KEYS; otherwise a set for this checkout alone is made, once.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../scripts/lib/prepare.mjs'
import { StepError, step } from '../../scripts/lib/run.mjs'
import { tool } from './lib.mjs'

const days = 7300
const names = ['release-ca.pem', 'release.pem', 'release.key', 'setup-ca.pem']

/**
 * @param options.make whether keys for this checkout are made when there are none
 * @returns folder with release-ca.pem, release.pem, release.key and setup-ca.pem
 */
export async function releaseKeys({ make = true } = {}) {
  const given = process.env.HOLDFAST_KEYS
  const folder = given || join(root, '.appliance/keys')
  const missing = names.filter((name) => !existsSync(join(folder, name)))
  if (missing.length === 0) return folder
  if (given) throw new StepError(`HOLDFAST_KEYS is ${given}, where ${missing.join(', ')} is missing`)
  if (!make)
    throw new StepError('there are no keys of an image here: give the folder with them in HOLDFAST_KEYS')
  await step('Making keys that only this checkout trusts', () => makeKeys(folder, 'Holdfast development'))
  return folder
}

/** Makes a root, a release certificate below it, and lets the root vouch for set-up files too. */
export async function makeKeys(folder, name) {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const file = (each) => join(folder, each)
  const key = (to) =>
    tool('openssl', [
      'genpkey',
      '-quiet',
      '-algorithm',
      'RSA',
      '-pkeyopt',
      'rsa_keygen_bits:3072',
      '-out',
      to,
    ])
  await key(file('release-ca.key'))
  await tool('openssl', [
    'req',
    '-x509',
    '-new',
    '-key',
    file('release-ca.key'),
    '-subj',
    `/O=${name}/CN=${name} root`,
    '-days',
    String(days),
    '-addext',
    'basicConstraints=critical,CA:TRUE',
    '-addext',
    'keyUsage=critical,keyCertSign,cRLSign',
    '-out',
    file('release-ca.pem'),
  ])
  await key(file('release.key'))
  await tool('openssl', [
    'req',
    '-new',
    '-key',
    file('release.key'),
    '-subj',
    `/O=${name}/CN=${name} release`,
    '-out',
    file('release.csr'),
  ])
  writeFileSync(
    file('release.ext'),
    'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=emailProtection,codeSigning\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n',
  )
  await tool('openssl', [
    'x509',
    '-req',
    '-in',
    file('release.csr'),
    '-CA',
    file('release-ca.pem'),
    '-CAkey',
    file('release-ca.key'),
    '-CAcreateserial',
    '-days',
    String(days),
    '-extfile',
    file('release.ext'),
    '-out',
    file('release.pem'),
  ])
  await tool('cp', [file('release-ca.pem'), file('setup-ca.pem')])
}

/** Signs a file: a detached CMS signature in DER, `FILE.sig`. */
export async function signFile(folder, path) {
  await tool('openssl', [
    'cms',
    '-sign',
    '-binary',
    '-noattr',
    '-in',
    path,
    '-signer',
    join(folder, 'release.pem'),
    '-inkey',
    join(folder, 'release.key'),
    '-outform',
    'DER',
    '-out',
    `${path}.sig`,
  ])
}
