/**
 * Hands a join code to a node that is not set up yet, over a connection that nothing vouches for. What both ends share
 * is the short code on the new node's own screen: stretched by scrypt (RFC 7914) it makes the key, and the new node's
 * authority is bound in, so that whoever stands between can neither read the code nor put in another.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  randomBytes,
  type ScryptOptions,
  scrypt,
  timingSafeEqual,
} from 'node:crypto'
import { promisify } from 'node:util'
import { HoldfastError } from '@holdfast/api/contract/errors'
import { normaliseCode } from '../trust/crockford.ts'
import { setupCodeCharacters } from '../trust/setup-code.ts'

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt)
/** 64 MiB and about a fifth of a second for each guess at 40 bits. */
const stretching = { N: 2 ** 16, r: 8, p: 1, maxmem: 128 * 1024 * 1024 } as const
const algorithm = 'aes-256-gcm'
const keyBytes = 32
const ivBytes = 12
const tagBytes = 16
const nonceBytes = 32

export interface SealedCode {
  /** Base64url. */
  nonce: string
  sealedCode: string
}

/** @param setupCode as typed by the operator @param caFingerprint of the new node as this end sees it, hex */
export async function sealCode(
  code: string,
  setupCode: string,
  caFingerprint: string,
): Promise<SealedCode & { accepted: (proof: string) => boolean }> {
  const nonce = randomBytes(nonceBytes)
  const key = await keyOf(setupCode, nonce)
  const iv = randomBytes(ivBytes)
  const cipher = createCipheriv(algorithm, key, iv).setAAD(Buffer.from(caFingerprint))
  const sealed = Buffer.concat([iv, cipher.update(code, 'utf8'), cipher.final(), cipher.getAuthTag()])
  return {
    nonce: nonce.toString('base64url'),
    sealedCode: sealed.toString('base64url'),
    accepted: (proof) => {
      const expected = proofOf(key)
      const given = Buffer.from(proof, 'base64url')
      return given.length === expected.length && timingSafeEqual(given, expected)
    },
  }
}

/**
 * @param caFingerprint of this node, hex
 * @returns the join code, and what proves to the other end that this node knew the set-up code
 * @throws HoldfastError `wrong-code`
 */
export async function openCode(
  { nonce, sealedCode }: SealedCode,
  setupCode: string,
  caFingerprint: string,
): Promise<{ code: string; proof: string }> {
  const key = await keyOf(setupCode, Buffer.from(nonce, 'base64url'))
  const sealed = Buffer.from(sealedCode, 'base64url')
  try {
    const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, ivBytes))
      .setAAD(Buffer.from(caFingerprint))
      .setAuthTag(sealed.subarray(-tagBytes))
    const text = Buffer.concat([decipher.update(sealed.subarray(ivBytes, -tagBytes)), decipher.final()])
    return { code: text.toString(), proof: proofOf(key).toString('base64url') }
  } catch (cause) {
    throw new HoldfastError(
      'wrong-code',
      'The code is not the one on the screen of the new node, or somebody stands between the two nodes. Read it again there.',
      { cause },
    )
  }
}

async function keyOf(setupCode: string, nonce: Buffer): Promise<Buffer> {
  const digits = normaliseCode(setupCode, setupCodeCharacters)
  if (digits === null)
    throw new HoldfastError(
      'wrong-code',
      `The code on the screen of the new node has ${setupCodeCharacters} characters; read it again there.`,
    )
  return derive(digits, nonce, keyBytes, stretching)
}

const proofOf = (key: Buffer): Buffer => createHmac('sha256', key).update('holdfast join accepted').digest()
