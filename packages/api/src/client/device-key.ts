/**
 * A device's key pair (ECDSA P-256) and the proofs of possession it makes (DPoP, RFC 9449). Steps of a proof:
 * 1. the header carries the public key and `typ: dpop+jwt` · 2. the claims name the method and the target of the request,
 * the time, a random id, the node's nonce where it gave one, and the hash of the access token · 3. the key signs it.
 */
import { base64url, calculateJwkThumbprint, exportJWK, importJWK, type JWK, SignJWT } from 'jose'

export interface ProofClaims {
  /** Method of the request, for example POST. */
  htm: string
  /** Target of the request: its URL without query and fragment. */
  htu: string
  /** The node's nonce. */
  nonce?: string
  /** The access token that goes with the proof; its hash becomes `ath`. */
  token?: string
  /** Milliseconds since 1970; the clock of this machine unless told. */
  atMs?: number
}

export interface DeviceKey {
  /** SHA-256 thumbprint of the public key (RFC 7638), base64url. */
  readonly thumbprint: string
  readonly publicJwk: JWK
  /** A DPoP proof as a compact JWS. */
  proof(claims: ProofClaims): Promise<string>
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const
const jtiBytes = 16

/** Makes a key pair. `extractable: false` keeps the private key inside the browser for good. */
export async function generateKeyPair(options: { extractable: boolean }): Promise<CryptoKeyPair> {
  return (await crypto.subtle.generateKey(algorithm, options.extractable, [
    'sign',
    'verify',
  ])) as CryptoKeyPair
}

/** The device key of a key pair. */
export async function deviceKeyOf(pair: CryptoKeyPair): Promise<DeviceKey> {
  const { kty, crv, x, y } = await exportJWK(pair.publicKey)
  const publicJwk: JWK = { kty: kty!, crv: crv!, x: x!, y: y! }
  return {
    thumbprint: await calculateJwkThumbprint(publicJwk, 'sha256'),
    publicJwk,
    proof: (claims) => sign(pair.privateKey, publicJwk, claims),
  }
}

/** The private key as a JWK, to be stored where only its owner can read it. */
export function exportPrivateJwk(pair: CryptoKeyPair): Promise<JWK> {
  return exportJWK(pair.privateKey)
}

/**
 * The key pair of a private JWK.
 * @throws Error when it is not a private P-256 key.
 */
export async function importPrivateJwk(jwk: JWK): Promise<CryptoKeyPair> {
  if (jwk.kty !== 'EC' || jwk.crv !== 'P-256' || typeof jwk.d !== 'string')
    throw new Error('This is not a private P-256 key in JWK form.')
  const { d: _, key_ops: __, ...open } = jwk
  const [privateKey, publicKey] = await Promise.all([
    importJWK({ ...jwk, key_ops: ['sign'] }, 'ES256', { extractable: true }),
    importJWK({ ...open, key_ops: ['verify'] }, 'ES256', { extractable: true }),
  ])
  return { privateKey: privateKey as CryptoKey, publicKey: publicKey as CryptoKey }
}

async function sign(key: CryptoKey, jwk: JWK, claims: ProofClaims): Promise<string> {
  const atMs = claims.atMs ?? Date.now()
  const payload: Record<string, string | number> = {
    jti: base64url.encode(crypto.getRandomValues(new Uint8Array(jtiBytes))),
    htm: claims.htm,
    htu: claims.htu,
    iat: Math.floor(atMs / 1000),
  }
  if (claims.nonce !== undefined) payload.nonce = claims.nonce
  if (claims.token !== undefined) payload.ath = await hash(claims.token)
  return new SignJWT(payload)
    .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk: { ...jwk } as JWK & { kty: 'EC' } })
    .sign(key)
}

/** RFC 9449, 4.2: base64url of the SHA-256 of the token's ASCII form. */
async function hash(token: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token))
  return base64url.encode(new Uint8Array(digest))
}
