/** Messages that openssl signed, in every way that a vendor may. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SignatureError, verifiedContent } from './cms.ts'

const text = '[update]\r\nversion=0.2.0\n'
let folder: string
const at = (name: string) => join(folder, name)
const openssl = (...args: string[]) =>
  execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })

/** A certificate below `issuer`, or a root. */
function certificate(
  name: string,
  issuer: string | null,
  options: { rsa?: boolean; ca?: boolean } = {},
): void {
  const algorithm = options.rsa
    ? ['RSA', '-pkeyopt', 'rsa_keygen_bits:2048']
    : ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256']
  openssl('genpkey', '-algorithm', ...algorithm, '-out', `${name}.key`)
  const ca = issuer === null || options.ca === true
  writeFileSync(
    at(`${name}.ext`),
    `basicConstraints=critical,CA:${ca ? 'TRUE' : 'FALSE'}\nkeyUsage=critical,${ca ? 'keyCertSign' : 'digitalSignature'}\n`,
  )
  openssl('req', '-new', '-key', `${name}.key`, '-subj', `/CN=${name}`, '-out', `${name}.csr`)
  const by =
    issuer === null
      ? ['-key', `${name}.key`]
      : ['-CA', `${issuer}.pem`, '-CAkey', `${issuer}.key`, '-CAcreateserial']
  openssl(
    'x509',
    '-req',
    '-in',
    `${name}.csr`,
    ...by,
    '-days',
    '30',
    '-extfile',
    `${name}.ext`,
    '-out',
    `${name}.pem`,
  )
}

function sign(name: string, ...flags: string[]): Buffer {
  writeFileSync(at('content'), text)
  const how = [
    '-sign',
    '-nodetach',
    '-binary',
    '-in',
    'content',
    '-outform',
    'DER',
    '-out',
    'message',
    ...flags,
  ]
  openssl('cms', ...how, '-signer', `${name}.pem`, '-inkey', `${name}.key`)
  return readFileSync(at('message'))
}
const root = (name = 'root') => readFileSync(at(`${name}.pem`), 'utf8')

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-cms-'))
  certificate('root', null)
  certificate('stranger', null)
  certificate('release', 'root')
  certificate('rsa-root', null, { rsa: true })
  certificate('rsa-release', 'rsa-root', { rsa: true })
  certificate('middle', 'root', { ca: true })
  certificate('below', 'middle')
  certificate('no-authority', 'root')
  certificate('pretender', 'no-authority')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test.each([
  ['an elliptic curve', 'root', () => sign('release')],
  ['no attributes', 'root', () => sign('release', '-noattr')],
  ['the key identifier', 'root', () => sign('release', '-keyid')],
  ['SHA-512', 'root', () => sign('release', '-md', 'sha512')],
  ['RSA', 'rsa-root', () => sign('rsa-release')],
  ['RSA and no attributes', 'rsa-root', () => sign('rsa-release', '-noattr')],
  ['a certificate in between', 'root', () => sign('below', '-certfile', 'middle.pem')],
])('what was signed with %s is opened', (_, trusted, message) => {
  expect(verifiedContent(message(), root(trusted)).toString()).toBe(text)
})

test.each([
  ['by somebody else', () => sign('release'), 'stranger'],
  [
    'below a certificate that may not issue',
    () => sign('pretender', '-certfile', 'no-authority.pem'),
    'root',
  ],
  ['by a chain with a link missing', () => sign('below'), 'root'],
  ['without its content', () => sign('release', '-nodetach').subarray(0, 40), 'root'],
  ['with SHA-1', () => sign('release', '-md', 'sha1'), 'root'],
  ['by nobody', () => Buffer.from('3000', 'hex'), 'root'],
])('what was signed %s is refused', (_, message, trusted) => {
  expect(() => verifiedContent(message(), root(trusted))).toThrow(SignatureError)
})

test('content that was changed under its signature is refused, with and without attributes', () => {
  for (const flags of [[], ['-noattr']]) {
    const message = sign('release', ...flags)
    const place = message.indexOf('version=0.2.0')
    message.write('version=0.9.0', place)
    expect(() => verifiedContent(message, root())).toThrow(SignatureError)
  }
})

test('a message with more certificates than a chain has is refused before any of them is tried', () => {
  const others = [
    'root',
    'stranger',
    'rsa-root',
    'rsa-release',
    'middle',
    'below',
    'no-authority',
    'pretender',
  ]
  writeFileSync(at('many.pem'), others.map(root).join(''))
  expect(() => verifiedContent(sign('release', '-certfile', 'many.pem'), root())).toThrow(
    'more than 8 certificates',
  )
})
