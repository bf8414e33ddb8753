import 'reflect-metadata'
import { createHash, createPrivateKey, generateKeyPairSync, type JsonWebKey, sign } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import type { DiscoveryIdentity } from './announcement.ts'
import { type Beacon, certificateIdentity, type Sign } from './beacon.ts'

export type TestIdentity = { identity: DiscoveryIdentity; certificate: string; sign: Sign }

/** A node's identity for tests, with a certificate that nobody issued. */
export async function testIdentity(
  name: string,
  overrides: Partial<DiscoveryIdentity> = {},
): Promise<TestIdentity> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    { name: `CN=${name}`, keys, signingAlgorithm: algorithm, notAfter: new Date('2040-01-01') },
    crypto,
  )
  const jwk = (await crypto.subtle.exportKey('jwk', keys.privateKey)) as JsonWebKey
  const key = createPrivateKey({ key: jwk, format: 'jwk' })
  const caFingerprint = createHash('sha256').update('test CA').digest('hex')
  const fixed = {
    nodeId: `n_${name}`,
    nodeName: name,
    facility: 'Test facility',
    httpsPort: 7443,
    version: '0.1.0',
  }
  return {
    identity: { ...fixed, caFingerprint, ...overrides },
    certificate: certificate.toString('pem'),
    sign: (bytes) => sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }),
  }
}

/** A beacon of that node with everything filled in. */
export function testBeacon(node: TestIdentity, overrides: Partial<Beacon> = {}): Beacon {
  const { certificateFingerprint, publicKey } = certificateIdentity(node.certificate)
  const { nodeId, nodeName, facility, httpsPort, version, caFingerprint } = node.identity
  return {
    id: nodeId,
    name: nodeName,
    facility,
    port: httpsPort,
    version,
    ca: caFingerprint,
    cert: certificateFingerprint,
    key: publicKey,
    addresses: ['10.0.0.1'],
    boot: 1_000,
    seq: 1,
    at: 1_000_000,
    ...overrides,
  }
}

/** A certificate-like key pair of another kind, which beacons refuse. */
export function otherCurvePublicKey(): string {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
  return publicKey.export({ format: 'der', type: 'spki' }).toString('base64url')
}
