import { formatDateTime } from '../../lib/format.ts'

/** What an owner keeps under lock: the codes are shown once, and nobody can show them again. */
export interface RecoveryKit {
  facility: string
  nodeName: string
  owner: string
  caFingerprint: string
  recoveryCodes: string[]
  /** Milliseconds since 1970. */
  madeAt: number
}

/** The recovery kit as plain text with CR LF line ends, so that any program on any machine shows it properly. */
export function kitText(kit: RecoveryKit): string {
  return [
    'HOLDFAST RECOVERY KIT',
    '',
    `Facility:  ${kit.facility}`,
    `Node:      ${kit.nodeName}`,
    `Owner:     ${kit.owner}`,
    `Made:      ${formatDateTime(kit.madeAt)}`,
    '',
    'Recovery codes. Each works once: choose "Use a recovery code" where you sign in.',
    '',
    ...kit.recoveryCodes.map((code, index) => `${String(index + 1).padStart(4)}.  ${code}`),
    '',
    'Fingerprint of the certificate authority (SHA-256). Compare it before you trust',
    'this node on a new computer:',
    '',
    `  ${kit.caFingerprint}`,
    '',
    'Keep this where only the owner can reach it. Whoever holds it can take over the node.',
    '',
  ].join('\r\n')
}
