import { createPrivateKey, createPublicKey, generateKeyPairSync, hash, sign } from 'node:crypto'
import { cosignCheckpoint, cosignerKey, originOf, signCheckpoint } from './checkpoint.ts'
import { encodeKey, type Signer } from './signed-note.ts'

/** A key that only lives in memory. @param seed 32 bytes for one that is always the same */
export function testSigner(seed?: Buffer): Signer {
  const privateKey =
    seed === undefined
      ? generateKeyPairSync('ed25519').privateKey
      : createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: 'der', type: 'pkcs8' })
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' })
  return { publicKey: Buffer.from(x, 'base64url'), sign: (message) => sign(null, message, privateKey) }
}

/** What stands before the seed of an Ed25519 key in PKCS#8 (RFC 8410). */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex')

/** Payloads of commands that a node whose key is always the same proposes; the roots are of no events. */
export function signedCheckpoints(node: string, sizes: readonly number[]) {
  const origin = originOf('f'.repeat(64))
  const signer = testSigner(hash('sha256', node, 'buffer'))
  const all = sizes.map((size) => ({ origin, size, root: Buffer.alloc(32, size) }))
  return {
    key: { node, key: encodeKey(cosignerKey({ origin, node, publicKey: signer.publicKey })) },
    checkpoints: all.map((each) => ({
      ...each,
      root: each.root.toString('base64'),
      node,
      line: signCheckpoint(each, signer),
    })),
    cosignatures: all.map((each) => ({
      size: each.size,
      node,
      line: cosignCheckpoint(each, { node, signer, at: 1000 }),
    })),
  }
}
