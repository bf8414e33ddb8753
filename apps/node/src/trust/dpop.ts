/**
 * Proofs of possession of a device's key: DPoP (RFC 9449), with ES256 only.
 *
 * 1. The header is a DPoP header with a public P-256 key and nothing secret (section 4.3, points 4 to 7).
 * 2. The signature verifies with that key (point 8).
 * 3. The proof is for this method and path (points 9, 10). The host is left out: a node has many names and addresses,
 *    and the client may know it by one that the node does not.
 * 4. The proof is fresh by the node's clock, and carries the nonce that the node gave, if it gave one (points 11, 12).
 * 5. The proof is bound to the token that it comes with (`ath`, point 12a).
 * 6. The proof was not seen before (section 11.1).
 */
import { createHash } from 'node:crypto'
import { HoldfastError } from '@holdfast/api/contract/errors'
import { calculateJwkThumbprint, decodeProtectedHeader, errors, importJWK, jwtVerify } from 'jose'
import * as z from 'zod'
import type { Clock } from '../platform/clock.ts'
import { ReplayGuard } from './replay-guard.ts'
import { secretsEqual } from './tokens.ts'

export const dpopLimits = {
  /** A proof has about 500 characters; the contract allows so many. */
  proofCharacters: 4096,
  jtiCharacters: 128,
  /** Machines without internet time drift; a nonce makes the window irrelevant where it matters. */
  clockSkewMs: 120_000,
  /** Proofs remembered per window; twice the connections of a node, so that all may reconnect twice in it. */
  rememberedProofs: 65_536,
} as const

/** A P-256 public key (RFC 7518, section 6.2.1): the four members that a thumbprint covers. */
export interface PublicJwk {
  kty: 'EC'
  crv: 'P-256'
  /** base64url, 32 bytes. */
  x: string
  y: string
}

export interface DpopExpectation {
  /** HTTP method, upper case; GET for a WebSocket. */
  method: string
  /** Path of the request, such as `/client/v1`. */
  path: string
  /** The nonce that this node gave for the proof. */
  nonce?: string
  /** The token that the proof must be bound to. */
  token?: string
}

export interface DpopProof {
  /** JWK thumbprint of the key (RFC 7638), base64url SHA-256. */
  thumbprint: string
  publicJwk: PublicJwk
}

const coordinate = z.string().regex(/^[A-Za-z0-9_-]{43}$/)
const headerSchema = z.object({
  typ: z.literal('dpop+jwt'),
  alg: z.literal('ES256'),
  jwk: z
    .looseObject({ kty: z.literal('EC'), crv: z.literal('P-256'), x: coordinate, y: coordinate })
    .refine((jwk) => !('d' in jwk), 'holds a private key'),
})
const claimsSchema = z.object({
  jti: z.string().min(1).max(dpopLimits.jtiCharacters),
  htm: z.string(),
  /** The client may reach the node through a proxy of its own, hence also without TLS. */
  htu: z.url({ protocol: /^(https?|wss?)$/ }),
  /** Seconds since 1970 (RFC 7519, NumericDate: may have a fraction). */
  iat: z.number(),
  nonce: z.string().optional(),
  ath: z.string().optional(),
})
type Claims = z.infer<typeof claimsSchema>

/** Verifies proofs and remembers them, so that each is good for one use. */
export class DpopVerifier {
  readonly #clock: Clock
  readonly #replays: ReplayGuard

  constructor(clock: Clock) {
    this.#clock = clock
    // A proof from the far edge of the window ahead stays fresh for twice the skew.
    this.#replays = new ReplayGuard(
      { keepMs: 2 * dpopLimits.clockSkewMs, maxEntries: dpopLimits.rememberedProofs },
      clock,
    )
  }

  /**
   * Verifies a proof and uses it up.
   * @throws HoldfastError `proof-invalid`; `busy` when too many proofs came in within the window
   */
  async verify(proof: string, expected: DpopExpectation): Promise<DpopProof> {
    const publicJwk = readHeader(proof)
    const claims = await this.#verifySignature(proof, publicJwk)
    checkTarget(claims, expected)
    this.#checkFreshness(claims, expected)
    checkToken(claims, expected)
    const thumbprint = await calculateJwkThumbprint({ ...publicJwk }, 'sha256')
    if (!this.#replays.admit(`${thumbprint} ${claims.jti}`)) throw invalid('it was used before')
    return { thumbprint, publicJwk }
  }

  async #verifySignature(proof: string, publicJwk: PublicJwk): Promise<Claims> {
    try {
      const key = await importJWK({ ...publicJwk }, 'ES256')
      const { payload } = await jwtVerify(proof, key, {
        algorithms: ['ES256'],
        typ: 'dpop+jwt',
        currentDate: new Date(this.#clock.now()),
      })
      const claims = claimsSchema.safeParse(payload)
      if (!claims.success) throw invalid(`its claim ${describe(claims.error)}`)
      return claims.data
    } catch (error) {
      if (error instanceof HoldfastError) throw error
      if (error instanceof errors.JWSSignatureVerificationFailed)
        throw invalid('its signature does not verify', error)
      throw invalid('it is not a DPoP proof signed with ES256', error)
    }
  }

  #checkFreshness(claims: Claims, expected: DpopExpectation): void {
    const aheadMs = claims.iat * 1000 - this.#clock.now()
    if (!(Math.abs(aheadMs) <= dpopLimits.clockSkewMs)) {
      const seconds = Math.abs(Math.round(aheadMs / 1000))
      const side = aheadMs > 0 ? 'ahead of' : 'behind'
      throw invalid(`its clock is ${seconds} seconds ${side} the node's: set the clock of the device`)
    }
    if (expected.nonce !== undefined && !secretsEqual(claims.nonce ?? '', expected.nonce)) {
      throw invalid('it does not carry the nonce that the node gave')
    }
  }
}

function readHeader(proof: string): PublicJwk {
  if (proof.length > dpopLimits.proofCharacters) {
    throw invalid(`it is over ${dpopLimits.proofCharacters} characters`)
  }
  let header: unknown
  try {
    header = decodeProtectedHeader(proof)
  } catch (error) {
    throw invalid('it is not a DPoP proof signed with ES256', error)
  }
  const parsed = headerSchema.safeParse(header)
  if (!parsed.success) throw invalid(`its header ${describe(parsed.error)}`)
  // Rebuilt from the four members, so that nothing else in the header has a say.
  const { x, y } = parsed.data.jwk
  return { kty: 'EC', crv: 'P-256', x, y }
}

function checkTarget(claims: Claims, expected: DpopExpectation): void {
  if (claims.htm !== expected.method) throw invalid(`it is for ${claims.htm}, not for ${expected.method}`)
  const { pathname } = new URL(claims.htu)
  if (pathname !== expected.path) throw invalid(`it is for ${pathname}, not for ${expected.path}`)
}

function checkToken(claims: Claims, expected: DpopExpectation): void {
  if (expected.token === undefined) return
  const hash = createHash('sha256').update(expected.token).digest('base64url')
  if (!secretsEqual(claims.ath ?? '', hash)) throw invalid('it is bound to another token')
}

function describe(error: z.ZodError): string {
  const issue = error.issues[0]
  return issue === undefined ? 'is not valid' : `${issue.path.join('.')}: ${issue.message}`
}

function invalid(why: string, cause?: unknown): HoldfastError {
  return new HoldfastError('proof-invalid', `the proof of the device's key is refused: ${why}`, { cause })
}
