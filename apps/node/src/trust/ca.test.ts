import { spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  certificateLimits,
  createAuthority,
  createKeyPair,
  type IssuedCertificate,
  issueDeviceCertificate,
  issueNodeCertificate,
  type KeyedCertificate,
} from './ca.ts'
import { fingerprint, issuedBy, keyMatches, renewalDue, validity } from './certificates.ts'
import type { PublicJwk } from './dpop.ts'

const nowMs = Date.UTC(2026, 10, 23, 12)
const dayMs = 24 * 3600_000
let folder = ''
let authority: KeyedCertificate
let node: IssuedCertificate
let device: IssuedCertificate
const keys = createKeyPair()

async function newDeviceKey(): Promise<PublicJwk> {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ])
  const { x = '', y = '' } = await crypto.subtle.exportKey('jwk', pair.publicKey)
  return { kty: 'EC', crv: 'P-256', x, y }
}

function openssl(...args: string[]): { status: number | null; output: string } {
  const run = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' })
  if (run.error) throw new Error("openssl is missing: run 'apt-get install openssl'", { cause: run.error })
  return { status: run.status, output: run.stdout + run.stderr }
}

function verify(file: string, ...more: string[]): { status: number | null; output: string } {
  const at = String(nowMs / 1000)
  return openssl('verify', '-x509_strict', '-attime', at, '-CAfile', 'ca.pem', ...more, file)
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-ca-'))
  authority = await createAuthority({ facility: 'Nørdland Hospital, CN=other', nowMs })
  node = await issueNodeCertificate(authority, {
    nodeName: 'straße-1',
    hostnames: ['localhost', 'Node1.local', 'straße.local', 'localhost'],
    ipAddresses: ['127.0.0.1', '::1', 'fd00::5', '10.0.0.5'],
    publicKey: keys.publicKey,
    nowMs,
  })
  device = await issueDeviceCertificate(authority, {
    deviceId: 'd_00000000000000000000',
    personName: 'ada',
    deviceName: 'Ada’s phone',
    publicKey: await newDeviceKey(),
    nowMs,
  })
  writeFileSync(join(folder, 'ca.pem'), authority.certificate)
  writeFileSync(join(folder, 'node.pem'), node.certificate)
  writeFileSync(join(folder, 'device.pem'), device.certificate)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the authority', () => {
  it('signs itself, may sign others one level deep, and lives for 20 years', () => {
    expect(verify('ca.pem').output).toBe('ca.pem: OK\n')
    const { output } = openssl('x509', '-in', 'ca.pem', '-noout', '-text')
    expect(output).toMatch(/Basic Constraints: critical\s+CA:TRUE, pathlen:1\s/)
    expect(output).toMatch(/Key Usage: critical\s+Certificate Sign, CRL Sign\s/)
    expect(output).toContain('prime256v1')
    const life = validity(authority.certificate)
    expect(life).toEqual({ from: nowMs - dayMs, until: nowMs + (20 * 365 - 1) * dayMs - 1000 })
    expect(keyMatches(authority.certificate, authority.key)).toBe(true)
  })

  it('keeps the facility’s name one attribute, whatever it contains, and within 64 characters', async () => {
    const subject = new X509Certificate(authority.certificate).toLegacyObject().subject
    expect(subject.O).toBe('Nørdland Hospital, CN=other')
    expect(subject.CN).toMatch(/^Holdfast CA [0-9A-F]{6}$/)
    const long = await createAuthority({ facility: `${'𝒜'.repeat(80)}\u0000`, nowMs })
    const { O } = new X509Certificate(long.certificate).toLegacyObject().subject
    expect(O).toBe('𝒜'.repeat(certificateLimits.subjectCharacters))
  })
})

describe('a node’s certificate', () => {
  it('verifies with openssl as a server and as a client, by each of its names', () => {
    expect(verify('node.pem', '-purpose', 'sslserver').output).toBe('node.pem: OK\n')
    expect(verify('node.pem', '-purpose', 'sslclient').status).toBe(0)
    for (const name of ['localhost', 'node1.local', 'xn--strae-oqa.local']) {
      expect(verify('node.pem', '-verify_hostname', name).status).toBe(0)
    }
    for (const address of ['127.0.0.1', '::1', 'fd00::5', '10.0.0.5']) {
      expect(verify('node.pem', '-verify_ip', address).status).toBe(0)
    }
    expect(verify('node.pem', '-verify_hostname', 'evil.local').status).not.toBe(0)
    expect(verify('node.pem', '-verify_ip', '10.0.0.6').status).not.toBe(0)
  })

  it('is no authority, and names its node', () => {
    const certificate = new X509Certificate(node.certificate)
    expect(certificate.ca).toBe(false)
    expect(certificate.subjectAltName).toBe(
      'DNS:localhost, DNS:node1.local, DNS:xn--strae-oqa.local, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, ' +
        'IP Address:FD00:0:0:0:0:0:0:5, IP Address:10.0.0.5, URI:holdfast:node:stra%C3%9Fe-1',
    )
    expect(certificate.serialNumber.toLowerCase()).toBe(node.serial)
    expect(node.serial).toMatch(/^[4-7][0-9a-f]{31}$/)
    expect(keyMatches(node.certificate, keys.privateKey)).toBe(true)
    expect(keyMatches(node.certificate, authority.key)).toBe(false)
  })

  it('lives for 825 days, is due in the last third, and does not outlive its authority', async () => {
    const { from, until } = validity(node.certificate)
    expect(until - from).toBe(825 * dayMs - 1000)
    expect(node.expiresAt).toBe(until)
    expect(renewalDue(node.certificate, nowMs)).toBe(false)
    expect(renewalDue(node.certificate, from + 549 * dayMs)).toBe(false)
    expect(renewalDue(node.certificate, from + 550 * dayMs)).toBe(true)
    expect(renewalDue(node.certificate, until + 1)).toBe(true)
    const lastYear = validity(authority.certificate).until - 300 * dayMs
    const late = await issueNodeCertificate(authority, {
      ...{ nodeName: 'n', hostnames: ['n'], ipAddresses: [], publicKey: keys.publicKey },
      nowMs: lastYear,
    })
    expect(late.expiresAt).toBe(validity(authority.certificate).until)
  })

  it.each([
    [['two words'], [], "'two words' is not a hostname"],
    [['-dash.local'], [], "'-dash.local' is not a hostname"],
    [[''], [], "'' is not a hostname"],
    [['*.local'], [], "'*.local' is not a hostname"],
    [[], ['fe80::1%eth0'], "'fe80::1%eth0' is not an IP address without zone"],
    [[], ['10.0.0.256'], "'10.0.0.256' is not an IP address"],
    [Array.from({ length: 129 }, (_, index) => `n${index}`), [], '129 names and addresses do not fit'],
  ])('refuses the names %j and %j', async (hostnames, ipAddresses, why) => {
    const request = { nodeName: 'n', hostnames, ipAddresses, publicKey: keys.publicKey, nowMs }
    await expect(issueNodeCertificate(authority, request)).rejects.toThrow(why)
  })
})

describe('a device’s certificate', () => {
  it('verifies with openssl as a client and not as a server', () => {
    expect(verify('device.pem', '-purpose', 'sslclient').output).toBe('device.pem: OK\n')
    const asServer = verify('device.pem', '-purpose', 'sslserver')
    expect(asServer.status).not.toBe(0)
    expect(asServer.output).toMatch(/unsuitable certificate purpose|unsupported certificate purpose/)
  })

  it('names the device, its person and its name, for 365 days', () => {
    const certificate = new X509Certificate(device.certificate)
    expect(certificate.subjectAltName).toBe('URI:holdfast:device:d_00000000000000000000')
    expect(certificate.toLegacyObject().subject).toMatchObject({ UID: 'ada', CN: 'Ada’s phone' })
    const { from, until } = validity(device.certificate)
    expect(until - from).toBe(365 * dayMs - 1000)
  })

  it('cannot issue another one', async () => {
    const pair = createKeyPair()
    const middle = await issueNodeCertificate(authority, {
      ...{ nodeName: 'n', hostnames: ['n'], ipAddresses: [], publicKey: pair.publicKey },
      nowMs,
    })
    const forged = await issueDeviceCertificate(
      { certificate: middle.certificate, key: pair.privateKey },
      { deviceId: 'd_1', personName: 'eve', deviceName: 'x', publicKey: await newDeviceKey(), nowMs },
    )
    writeFileSync(join(folder, 'middle.pem'), middle.certificate)
    writeFileSync(join(folder, 'forged.pem'), forged.certificate)
    const { status, output } = verify('forged.pem', '-untrusted', 'middle.pem')
    expect(status).not.toBe(0)
    expect(output).toContain('invalid CA certificate')
  })

  it('refuses a key that is not a point of the curve', async () => {
    const good = await newDeviceKey()
    const publicKey = { ...good, x: good.y }
    const request = { deviceId: 'd_1', personName: 'ada', deviceName: 'x', publicKey, nowMs }
    await expect(issueDeviceCertificate(authority, request)).rejects.toThrow('is not a point of P-256')
  })
})

describe('certificates', () => {
  it('are told apart by authority: another one of the same facility did not issue them', async () => {
    const other = await createAuthority({ facility: 'Nørdland Hospital, CN=other', nowMs })
    expect(issuedBy(node.certificate, authority.certificate)).toBe(true)
    expect(issuedBy(device.certificate, authority.certificate)).toBe(true)
    expect(issuedBy(node.certificate, other.certificate)).toBe(false)
    writeFileSync(join(folder, 'other.pem'), other.certificate)
    const run = openssl('verify', '-attime', String(nowMs / 1000), '-CAfile', 'other.pem', 'node.pem')
    expect(run.status).not.toBe(0)
  })

  it('have the fingerprint that openssl shows', () => {
    const { colons, hex } = fingerprint(authority.certificate)
    const { output } = openssl('x509', '-in', 'ca.pem', '-noout', '-fingerprint', '-sha256')
    expect(output.trim().split('=')[1]).toBe(colons)
    expect(hex).toBe(colons.replaceAll(':', '').toLowerCase())
    expect(hex).toMatch(/^[0-9a-f]{64}$/)
  })
})
