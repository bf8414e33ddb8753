/**
 * Opens a signed message (RFC 5652, SignedData) as `openssl cms -verify -binary -purpose any -no_check_time` does, without
 * openssl, which neither a container nor every Debian machine has:
 *
 *   1 parse · 2 find the signer's certificate · 3 its chain ends at the given root · 4 the signed attributes name the
 *   content's digest · 5 the signature is the signer's
 *
 * The dates of certificates are not looked at: a machine without internet may not know what day it is.
 */
import { createHash, verify, X509Certificate } from 'node:crypto'
import { DerError, type DerValue, derContents, derInside, derOid, derTags, derValues } from './der.ts'

/** Certificates from the signer to the root, both counted. */
const maxChain = 5
/** Certificates in a message. Whoever sends more wants every chain of them tried. */
const maxCertificates = 8
const oids = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
} as const
const digests: Readonly<Record<string, string>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
}
/** With RSA the digest is that of the signer's info; the others name it themselves. */
const signatures: Readonly<Record<string, { key: 'rsa' | 'ec'; digest: string | null }>> = {
  '1.2.840.113549.1.1.1': { key: 'rsa', digest: null },
  '1.2.840.113549.1.1.11': { key: 'rsa', digest: 'sha256' },
  '1.2.840.113549.1.1.12': { key: 'rsa', digest: 'sha384' },
  '1.2.840.113549.1.1.13': { key: 'rsa', digest: 'sha512' },
  '1.2.840.10045.4.3.2': { key: 'ec', digest: 'sha256' },
  '1.2.840.10045.4.3.3': { key: 'ec', digest: 'sha384' },
  '1.2.840.10045.4.3.4': { key: 'ec', digest: 'sha512' },
}
/** The message is not one that the root vouches for. */
export class SignatureError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'SignatureError'
  }
}

/**
 * @param der the message with its content
 * @param rootPem certificate of the root
 * @returns the content, which the root vouches for
 * @throws SignatureError
 */
export function verifiedContent(der: Buffer, rootPem: string): Buffer {
  const { content, certificates, signer } = parsed(der)
  const digest = digests[signer.digest]
  const method = signatures[signer.method]
  if (digest === undefined || method === undefined || (method.digest ?? digest) !== digest)
    throw new SignatureError('it is signed by a method that is not taken')
  if (signer.attributes !== null) {
    const { messageDigest } = signer.attributes
    if (!createHash(digest).update(content).digest().equals(messageDigest))
      throw new SignatureError('its content is not the one that was signed')
  }
  const signed = signer.attributes?.signed ?? content
  const root = new X509Certificate(rootPem)
  const isBy = ({ publicKey }: X509Certificate) =>
    publicKey.asymmetricKeyType === method.key && verify(digest, signed, publicKey, signer.signature)
  let isSigned: boolean
  try {
    isSigned = certificates.some((each) => isBy(each) && isBelow(root, each, certificates))
  } catch (cause) {
    throw new SignatureError('a certificate in it cannot be used', { cause })
  }
  if (!isSigned) throw new SignatureError('nobody whom the root vouches for has signed it')
  return content
}

interface SignerInfo {
  digest: string
  method: string
  signature: Buffer
  /** What is signed in place of the content, and the digest of the content in it. */
  attributes: { signed: Buffer; messageDigest: Buffer } | null
}

function parsed(der: Buffer): { content: Buffer; certificates: X509Certificate[]; signer: SignerInfo } {
  try {
    const [type, wrapped] = derInside(derValues(der)[0], derTags.sequence)
    if (derOid(type) !== oids.signedData) throw new DerError('it is a message of another type')
    const [, , encapsulated, ...rest] = derInside(derInside(wrapped, derTags.context0)[0], derTags.sequence)
    const [contentType, content] = derInside(encapsulated, derTags.sequence)
    if (derOid(contentType) !== oids.data) throw new DerError('its content is of another type')
    const [signer, another] = derInside(rest.at(-1), derTags.set)
    if (another !== undefined) throw new DerError('it has two signatures')
    const [set] = rest
    const certificates =
      rest.length > 1 && set?.tag === derTags.context0 ? derInside(set, derTags.context0) : []
    if (certificates.length > maxCertificates)
      throw new DerError(`it holds more than ${maxCertificates} certificates`)
    return {
      content: derContents(derInside(content, derTags.context0)[0], derTags.octets),
      certificates: certificates.map(({ whole }) => new X509Certificate(whole)),
      signer: signerOf(signer),
    }
  } catch (cause) {
    throw new SignatureError(`it is no signed message: ${(cause as Error).message}`, { cause })
  }
}

/** SignerInfo: version, who, digest, attributes [0], method, signature (RFC 5652, section 5.3). */
function signerOf(value: DerValue | undefined): SignerInfo {
  const [, , digest, ...rest] = derInside(value, derTags.sequence)
  const attributes = rest[0]?.tag === derTags.context0 ? rest.shift() : undefined
  const [method, signature] = rest
  return {
    digest: derOid(derInside(digest, derTags.sequence)[0]),
    method: derOid(derInside(method, derTags.sequence)[0]),
    signature: derContents(signature, derTags.octets),
    attributes: attributes === undefined ? null : attributesOf(attributes),
  }
}

function attributesOf(value: DerValue): SignerInfo['attributes'] {
  const named = new Map<string, DerValue[]>()
  for (const attribute of derInside(value, derTags.context0)) {
    const [type, values] = derInside(attribute, derTags.sequence)
    if (named.has(derOid(type))) throw new DerError('an attribute is there twice')
    named.set(derOid(type), derInside(values, derTags.set))
  }
  if (derOid(named.get(oids.contentType)?.[0]) !== oids.data)
    throw new DerError('the attribute of the type is another one')
  // Signed as a SET, stored under a context tag (RFC 5652, section 5.4).
  const signed = Buffer.from(value.whole)
  signed[0] = derTags.set
  return { signed, messageDigest: derContents(named.get(oids.messageDigest)?.[0], derTags.octets) }
}

/** Whether a chain of the message's certificates leads from one to the root. */
function isBelow(
  root: X509Certificate,
  certificate: X509Certificate,
  all: readonly X509Certificate[],
  depth = 1,
): boolean {
  if (depth === maxChain) return false
  if (isIssuedBy(certificate, root)) return true
  return all.some(
    (issuer) =>
      issuer.ca &&
      issuer.fingerprint256 !== certificate.fingerprint256 &&
      isIssuedBy(certificate, issuer) &&
      isBelow(root, issuer, all, depth + 1),
  )
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}
