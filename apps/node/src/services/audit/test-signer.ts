import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import type { Signer } from './signed-note.ts'

/** A key that only lives in memory. */
export function testSigner(): Signer {
  const { privateKey } = generateKeyPairSync('ed25519')
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' })
  return { publicKey: Buffer.from(x, 'base64url'), sign: (message) => sign(null, message, privateKey) }
}
