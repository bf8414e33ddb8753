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
  return { publicKey: publicKeyOf(file, key), sign: (message) => sign(null, message, key) }
}

/** What is wrong with a node's key file when the node has published this key, in a sentence; null when it is the one. */
export function auditKeyFault(file: string, published: Buffer): string | null {
  try {
    const text = readPrivateText(file)
    if (text === null)
      return `the key by which this node signs checkpoints is gone (${file}): the node makes another when it starts, and says so in the audit log`
    if (publicKeyOf(file, readKey(file, text)).equals(published)) return null
    return `the key by which this node signs checkpoints is not the one that it published (${file}): somebody replaced it`
  } catch (error) {
    if (!(error instanceof TrustFileError)) throw error
    return `the key by which this node signs checkpoints cannot be read: ${error.message}`
  }
}

function publicKeyOf(file: string, key: KeyObject): Buffer {
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' })
  const publicKey = Buffer.from(x, 'base64url')
  if (publicKey.length !== keyBytes) throw damaged(file)
  return publicKey
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
