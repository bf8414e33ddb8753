/** Reading certificates with Node's own parser; making them is in ca.ts. */
import { createPrivateKey, X509Certificate } from 'node:crypto'

/** A certificate is renewed when less than this part of its life is left. */
const renewalShare = 1 / 3

export interface Fingerprint {
  /** SHA-256 as upper-case pairs joined by colons: how consoles, browsers and openssl show it. */
  colons: string
  /** The same 32 bytes as lower-case hex. */
  hex: string
}

/** SHA-256 of the certificate's DER bytes; the identity of a node. */
export function fingerprint(certificatePem: string): Fingerprint {
  const colons = new X509Certificate(certificatePem).fingerprint256
  return { colons, hex: colons.replaceAll(':', '').toLowerCase() }
}

export interface Validity {
  /** Milliseconds since 1970. */
  from: number
  until: number
}

export function validity(certificatePem: string): Validity {
  const certificate = new X509Certificate(certificatePem)
  return { from: certificate.validFromDate.getTime(), until: certificate.validToDate.getTime() }
}

/** Whether a third of the life, or less, is left at `nowMs`; also when it is over. */
export function renewalDue(certificatePem: string, nowMs: number): boolean {
  const { from, until } = validity(certificatePem)
  return until - nowMs <= (until - from) * renewalShare
}

/** Whether the certificate is for the public half of this key. */
export function keyMatches(certificatePem: string, keyPem: string): boolean {
  return new X509Certificate(certificatePem).checkPrivateKey(createPrivateKey(keyPem))
}

/** Whether the authority signed the certificate and is named as its issuer. Dates are not looked at. */
export function issuedBy(certificatePem: string, authorityPem: string): boolean {
  const certificate = new X509Certificate(certificatePem)
  const authority = new X509Certificate(authorityPem)
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey)
}
