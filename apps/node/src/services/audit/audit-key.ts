import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { dirname, join } from 'node:path'
import { TrustFileError } from '../../trust/errors.ts'
import { ensurePrivateFolder, readPrivateText, writePrivately } from '../../trust/private-files.ts'
import { keyBytes, type Signer } from './signed-note.ts'

/** Path of the key by which a node signs checkpoints of the audit log. */
export function auditKeyFile(dataDir: string): string {
  return join(dataDir, 'secrets', 'audit.pem')
}

/**
 * The node's Ed25519 key (PKCS#8, PEM), made at the first need.
 * @throws TrustFileError when the file cannot be read or written, is open to others, or holds no such key
 */
export async function openAuditKey(dataDir: string): Promise<Signer> {
  const file = auditKeyFile(dataDir)
  const key = readKey(file, readPrivateText(file) ?? (await makeKey(file)))
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' })
  const publicKey = Buffer.from(x, 'base64url')
  if (publicKey.length !== keyBytes) throw damaged(file)
  return { publicKey, sign: (message) => sign(null, message, key) }
}

async function makeKey(file: string): Promise<string> {
  const text = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  await ensurePrivateFolder(dirname(file))
  await writePrivately(file, text)
  return text
}

function readKey(file: string, text: string): KeyObject {
  let key: KeyObject
  try {
    key = createPrivateKey(text)
  } catch (cause) {
    throw damaged(file, cause)
  }
  if (key.asymmetricKeyType !== 'ed25519') throw damaged(file)
  return key
}

function damaged(file: string, cause?: unknown): TrustFileError {
  const mend =
    'put it back from a backup, or move it aside: the node makes another and says so in the audit log'
  return new TrustFileError('malformed', file, `${file} holds no Ed25519 key: ${mend}`, { cause })
}
