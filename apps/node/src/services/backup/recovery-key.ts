/** The recovery key: an X25519 identity of age (age-encryption.org/v1). The node only ever has its public half. */
import { Decrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { RestoreRefusedError } from './errors.ts'

const secretPattern = /AGE-SECRET-KEY-1[0-9A-Z]+/g
/** A key file with its comments. */
export const keyFileBytes = 4096

export interface RecoveryKey {
  /** AGE-SECRET-KEY-1…; opens every backup made for it. */
  secret: string
  /** age1…; what the node encrypts to. */
  recipient: string
}

export async function newRecoveryKey(): Promise<RecoveryKey> {
  const secret = await generateX25519Identity()
  return { secret, recipient: await identityToRecipient(secret) }
}

/** The key in the text of a key file, as age and `holdfast backup key create` write it. @throws RestoreRefusedError */
export async function parseRecoveryKey(text: string): Promise<RecoveryKey> {
  const found = text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .toUpperCase()
    .match(secretPattern)
  if (found?.length !== 1)
    throw new RestoreRefusedError(
      `The key file holds ${found === null ? 'no recovery key' : 'several keys'}: it has to hold one line that begins with AGE-SECRET-KEY-1.`,
    )
  const [secret = ''] = found
  try {
    new Decrypter().addIdentity(secret)
    return { secret, recipient: await identityToRecipient(secret) }
  } catch (error) {
    throw new RestoreRefusedError(
      'The recovery key is mistyped: its check sum does not fit. Compare it with the paper, letter by letter.',
      { cause: error },
    )
  }
}
