import { randomBytes } from 'node:crypto'
import { HoldfastError } from '@holdfast/api/contract/errors'
import { hash, parseOptions, verify } from '@node-rs/argon2'

/**
 * OWASP Password Storage Cheat Sheet, argon2id with m = 19 MiB, t = 2, p = 1: about 20 ms of one core. The library's
 * default algorithm is argon2id; its constant is a `const enum`, which type stripping cannot import.
 */
const parameters = { memoryCost: 19 * 1024, timeCost: 2, parallelism: 1, outputLen: 32 } as const
const argon2id = 2
const saltBytes = 16

export const passwordLimits = {
  /** Hashes computed at once: half of the four threads of libuv's pool, which files and name look-ups share. */
  parallelHashes: 2,
  /** Hashes waiting; at about 20 ms each the last one waits well under a second. More are refused with `busy`. */
  waitingHashes: 64,
} as const

/** Hashes and checks passwords, a bounded number at a time. */
export class Passwords {
  #running = 0
  readonly #waiting: (() => void)[] = []

  /**
   * @returns the hash with its parameters and salt (PHC string)
   * @throws HoldfastError `busy` when too many hashes wait
   */
  async hash(password: string): Promise<string> {
    return this.#limited(() => hash(prepare(password), parameters))
  }

  /**
   * Whether the password belongs to the stored hash. For a person who does not exist, or has no password, pass null: it
   * answers false and takes the same time, so that names cannot be found out by the clock.
   * @throws HoldfastError `busy` when too many hashes wait
   */
  async verify(stored: string | null, password: string): Promise<boolean> {
    return this.#limited(() => verify(stored ?? impossibleHash(), prepare(password)))
  }

  /** Whether a stored hash was made with other parameters than today's; it is replaced at the next login. */
  needsRehash(stored: string): boolean {
    const made = parseOptions(stored)
    return (
      Number(made.algorithm) !== argon2id ||
      made.memoryCost !== parameters.memoryCost ||
      made.timeCost !== parameters.timeCost ||
      made.parallelism !== parameters.parallelism
    )
  }

  async #limited<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < passwordLimits.parallelHashes) this.#running++
    else await this.#turn()
    try {
      return await work()
    } finally {
      // The slot goes straight to the next in the queue, so that the count never passes its bound.
      const next = this.#waiting.shift()
      if (next !== undefined) next()
      else this.#running--
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= passwordLimits.waitingHashes) {
      throw new HoldfastError(
        'busy',
        'too many people are signing in at this moment: try again in a few seconds',
      )
    }
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}

/** The same text typed on different systems can differ in code points (NIST SP 800-63B, section 5.1.1.2). */
function prepare(password: string): string {
  return password.normalize('NFKC')
}

/** A hash that no password has, in today's parameters: its digest is random. */
function impossibleHash(): string {
  const part = (bytes: number) => randomBytes(bytes).toString('base64').replace(/=+$/, '')
  const { memoryCost, timeCost, parallelism, outputLen } = parameters
  return `$argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}$${part(saltBytes)}$${part(outputLen)}`
}
