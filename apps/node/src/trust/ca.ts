/**
 * The facility's own certificate authority: P-256 keys, SHA-256, X.509 version 3 (RFC 5280).
 *
 * The X.509 library takes a tenth of a second to load, so it is loaded when a certificate is made, and not by a node
 * that starts with the ones it has.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import type { Extension, JsonGeneralName } from '@peculiar/x509'
import { validity } from './certificates.ts'
import type { PublicJwk } from './dpop.ts'

const dayMs = 24 * 3600_000

export const certificateLimits = {
  /** Clients trust the authority by hand, once; it has to outlive the machines. */
  authorityDays: 20 * 365,
  /** The longest life that Apple's systems accept from a server, also under a private authority. */
  nodeDays: 825,
  deviceDays: 365,
  /** The life begins before it is issued: clocks without internet time run behind. Counted in the days above. */
  backdateMs: dayMs,
  /** Room for one authority below this one, so that an edge site can issue its own and this key can be put away. */
  pathLength: 1,
  /** Names and addresses in one node's certificate. */
  alternativeNames: 128,
  /** Characters of a name in a subject (RFC 5280, appendix A.1: ub-common-name, ub-organization-name). */
  subjectCharacters: 64,
} as const

const serialBytes = 16
const signingAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
/** userId (RFC 4519, section 2.39). */
const userIdType = '0.9.2342.19200300.100.1.1'

/** A certificate and its private key (PKCS #8), both PEM. */
export interface KeyedCertificate {
  certificate: string
  key: string
}

export interface IssuedCertificate {
  /** PEM. */
  certificate: string
  /** 32 hex digits, lower case. */
  serial: string
  /** Milliseconds since 1970. */
  expiresAt: number
}

export interface AuthorityRequest {
  facility: string
  /** Milliseconds since 1970. */
  nowMs: number
}

export interface NodeRequest {
  nodeName: string
  hostnames: readonly string[]
  /** IPv4 and IPv6, without zone. */
  ipAddresses: readonly string[]
  /** SPKI, PEM. */
  publicKey: string
  nowMs: number
}

export interface DeviceRequest {
  deviceId: string
  personName: string
  deviceName: string
  publicKey: PublicJwk
  nowMs: number
}

/** A fresh P-256 key pair: SPKI and PKCS #8, PEM. */
export function createKeyPair(): { publicKey: string; privateKey: string } {
  return generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
}

/** Makes the authority of a facility, which signs itself. */
export async function createAuthority(request: AuthorityRequest): Promise<KeyedCertificate> {
  const x509 = await loadX509()
  const { publicKey, privateKey } = createKeyPair()
  const publicCryptoKey = await importPublicKey(publicKey)
  const life = lifetime(request.nowMs, certificateLimits.authorityDays)
  // The tail tells apart two authorities of facilities with the same name, in a trust store that has both.
  const tail = randomBytes(3).toString('hex').toUpperCase()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: [{ O: [subjectText(request.facility)] }, { CN: [`Holdfast CA ${tail}`] }],
    ...life,
    signingAlgorithm,
    keys: { publicKey: publicCryptoKey, privateKey: await importPrivateKey(privateKey) },
    extensions: [
      new x509.BasicConstraintsExtension(true, certificateLimits.pathLength, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(publicCryptoKey),
    ],
  })
  return { certificate: pem(certificate.toString('pem')), key: privateKey }
}

/**
 * Issues the certificate with which a node serves clients and meets other nodes.
 * @throws RangeError when a hostname or address is not one, or there are too many
 */
export async function issueNodeCertificate(
  authority: KeyedCertificate,
  request: NodeRequest,
): Promise<IssuedCertificate> {
  const x509 = await loadX509()
  const names = alternativeNames(request)
  return issue(authority, {
    subject: [{ CN: [subjectText(request.nodeName)] }],
    publicKey: request.publicKey,
    days: certificateLimits.nodeDays,
    nowMs: request.nowMs,
    extensions: [
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.serverAuth,
        x509.ExtendedKeyUsage.clientAuth,
      ]),
      new x509.SubjectAlternativeNameExtension(names),
    ],
  })
}

/**
 * Issues the certificate of an enrolled device; it names the device by `holdfast:device:ID`.
 * @throws RangeError when the key is not a point of P-256
 */
export async function issueDeviceCertificate(
  authority: KeyedCertificate,
  request: DeviceRequest,
): Promise<IssuedCertificate> {
  const x509 = await loadX509()
  const uri = `holdfast:device:${encodeURIComponent(request.deviceId)}`
  return issue(authority, {
    subject: [{ [userIdType]: [subjectText(request.personName)] }, { CN: [subjectText(request.deviceName)] }],
    publicKey: publicKeyPem(request.publicKey),
    days: certificateLimits.deviceDays,
    nowMs: request.nowMs,
    extensions: [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: uri }]),
    ],
  })
}

interface LeafRequest {
  subject: Record<string, string[]>[]
  /** SPKI, PEM. */
  publicKey: string
  days: number
  nowMs: number
  extensions: Extension[]
}

async function issue(authority: KeyedCertificate, request: LeafRequest): Promise<IssuedCertificate> {
  const x509 = await loadX509()
  const issuer = new x509.X509Certificate(authority.certificate)
  const publicKey = await importPublicKey(request.publicKey)
  const life = lifetime(request.nowMs, request.days)
  const serial = newSerial()
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial,
    subject: request.subject,
    issuer: issuer.subjectName,
    notBefore: life.notBefore,
    // Nothing outlives its issuer: a chain with a dead authority is refused anyhow.
    notAfter: new Date(Math.min(life.notAfter.getTime(), issuer.notAfter.getTime())),
    signingAlgorithm,
    publicKey,
    signingKey: await importPrivateKey(authority.key),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      ...request.extensions,
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  })
  const text = pem(certificate.toString('pem'))
  return { certificate: text, serial, expiresAt: validity(text).until }
}

async function loadX509() {
  // The library's containers read metadata that this module has to set up first.
  await import('reflect-metadata')
  return import('@peculiar/x509')
}

function lifetime(nowMs: number, days: number): { notBefore: Date; notAfter: Date } {
  const from = nowMs - certificateLimits.backdateMs
  // Both ends belong to the life (RFC 5280, section 4.1.2.5), hence the second less.
  return { notBefore: new Date(from), notAfter: new Date(from + days * dayMs - 1000) }
}

/** 16 random bytes as hex; the first bits are 01, so that the number is positive and has the same length always. */
function newSerial(): string {
  const bytes = randomBytes(serialBytes)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes.toString('hex')
}

function alternativeNames(request: NodeRequest): JsonGeneralName[] {
  const hostnames = new Set(request.hostnames.map(asciiHostname))
  const addresses = new Set(request.ipAddresses.map(plainAddress))
  const count = hostnames.size + addresses.size
  if (count > certificateLimits.alternativeNames) {
    const limit = certificateLimits.alternativeNames
    throw new RangeError(`${count} names and addresses do not fit into a certificate: give ${limit} at most`)
  }
  return [
    ...[...hostnames].map((value): JsonGeneralName => ({ type: 'dns', value })),
    ...[...addresses].map((value): JsonGeneralName => ({ type: 'ip', value })),
    { type: 'url', value: `holdfast:node:${encodeURIComponent(request.nodeName)}` },
  ]
}

function asciiHostname(name: string): string {
  const ascii = domainToASCII(name).replace(/\.$/, '')
  if (
    ascii.length > 253 ||
    !/^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/.test(ascii)
  ) {
    throw new RangeError(`'${name}' is not a hostname: a certificate needs one such as node1.local`)
  }
  return ascii
}

function plainAddress(address: string): string {
  if (isIP(address) === 0 || address.includes('%')) {
    throw new RangeError(
      `'${address}' is not an IP address without zone: a certificate needs one such as 10.0.0.5`,
    )
  }
  return address
}

/** The text as it fits into a subject: no control characters, 64 characters at most. */
function subjectText(text: string): string {
  const clean = [...text.replace(/\p{Cc}/gu, ' ').trim()]
    .slice(0, certificateLimits.subjectCharacters)
    .join('')
  return clean === '' ? '-' : clean
}

function publicKeyPem(jwk: PublicJwk): string {
  try {
    const { kty, crv, x, y } = jwk
    return createPublicKey({ key: { kty, crv, x, y }, format: 'jwk' })
      .export({ type: 'spki', format: 'pem' })
      .toString()
  } catch (error) {
    throw new RangeError('the public key is not a point of P-256: make a new key on the device', {
      cause: error,
    })
  }
}

function importPublicKey(spkiPem: string): Promise<CryptoKey> {
  const der = createPublicKey(spkiPem).export({ type: 'spki', format: 'der' })
  return crypto.subtle.importKey('spki', new Uint8Array(der), signingAlgorithm, true, ['verify'])
}

function importPrivateKey(pkcs8Pem: string): Promise<CryptoKey> {
  const der = createPrivateKey(pkcs8Pem).export({ type: 'pkcs8', format: 'der' })
  return crypto.subtle.importKey('pkcs8', new Uint8Array(der), signingAlgorithm, false, ['sign'])
}

/** Tools that join PEM texts rely on the line end at the end. */
function pem(text: string): string {
  return `${text.trimEnd()}\n`
}
