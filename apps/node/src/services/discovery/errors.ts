import { HoldfastError } from '@holdfast/api/contract/errors'

/** A discovery setting cannot be used. The message names the setting, what is wrong with it and how to mend it. */
export class DiscoverySettingsError extends HoldfastError {
  constructor(problem: string, options?: ErrorOptions) {
    super('bad-request', `Discovery settings: ${problem}`, options)
    this.name = 'DiscoverySettingsError'
  }
}

/** A socket of discovery could not be opened. Discovery goes on without it and tries again at the next scan. */
export class DiscoverySocketError extends Error {
  /** The operating system's code, for example `EADDRINUSE`. */
  readonly code: string

  constructor(what: string, cause: unknown) {
    const code = errorCode(cause)
    super(`${what}: ${code}. ${remedies[code] ?? 'It is tried again within 30 s.'}`, { cause })
    this.name = 'DiscoverySocketError'
    this.code = code
  }
}

const remedies: Record<string, string> = {
  EADDRINUSE:
    'Another program holds the port without sharing it: find it with "ss -ulpn" and stop it, or let it share the port.',
  EACCES: 'The system refuses it: allow this UDP port for the service in its sandbox and firewall.',
  EADDRNOTAVAIL: 'The address is no longer on this machine; the interfaces are scanned again within 30 s.',
  ENODEV: 'The interface is gone or cannot do multicast; the interfaces are scanned again within 30 s.',
  EAFNOSUPPORT: 'This system has that version of IP switched off; the other one is used alone.',
}

/** The stable part of an operating system error; `UNKNOWN` when there is none. */
export function errorCode(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  return typeof code === 'string' ? code : 'UNKNOWN'
}
