import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { HoldfastError } from '@holdfast/api/contract/errors'
import type { Clock } from '../platform/clock.ts'
import { groupCode, normaliseCode, randomCode } from './crockford.ts'
import { readPrivateText, writePrivately } from './private-files.ts'
import { addressKey, RateLimiter } from './rate-limit.ts'
import { secretsEqual } from './tokens.ts'

/** 8 digits of 5 bits: 40 bits. */
export const setupCodeCharacters = 8
const codeCharacters = setupCodeCharacters
/** A person who mistypes has five tries and then one in half a minute. */
const perRemote = { burst: 5, perSecond: 1 / 30, maxKeys: 1000 }
/** All remotes together try at most once a second on average: one in ten million of the codes in a day. */
const overall = { burst: 60, perSecond: 1, maxKeys: 1 }
const everybody = 'all'

/**
 * The one-time code that proves, at the first boot, that whoever sets the node up can read its console. It is kept in a
 * file so that it stays the same over restarts until it is used.
 */
export class SetupCode {
  readonly #file: string
  readonly #perRemote: RateLimiter
  readonly #overall: RateLimiter
  #code: string | null = null

  constructor(dataFolder: string, clock: Pick<Clock, 'monotonic'>) {
    this.#file = join(dataFolder, 'setup-code')
    this.#perRemote = new RateLimiter(perRemote, clock)
    this.#overall = new RateLimiter(overall, clock)
  }

  /**
   * The code, `XXXX-XXXX`, for the console; made when there is none yet.
   * @throws TrustFileError when the file cannot be read or written, or others may read it
   */
  async open(): Promise<string> {
    const kept = normaliseCode(readPrivateText(this.#file) ?? '', codeCharacters)
    const code = kept === null ? randomCode(codeCharacters) : groupCode(kept)
    if (kept === null) await writePrivately(this.#file, `${code}\n`)
    this.#code = code
    return code
  }

  /**
   * Passes when `typed` is the code. Nothing is used up: call `finish` when the set-up is done.
   * @param remote address of whoever types it
   * @throws HoldfastError `already-set-up` when the code was never opened or is finished, `locked-out` after too many
   *   wrong tries, `wrong-code`
   */
  check(typed: string, remote: string): void {
    const code = this.#code
    if (code === null) throw new HoldfastError('already-set-up', 'This node is set up already: sign in.')
    const key = addressKey(remote)
    this.#take(key)
    const digits = normaliseCode(typed, codeCharacters)
    if (digits === null || !secretsEqual(groupCode(digits), code)) {
      throw new HoldfastError(
        'wrong-code',
        'The setup code is wrong: read it again from the console of the node.',
      )
    }
    this.#perRemote.forgive(key)
  }

  /**
   * The code, for a check that does not show what was typed; each call counts as a try until it is `forgiven`.
   * @throws HoldfastError `already-set-up`, `locked-out`
   */
  attempt(remote: string): { code: string; forgive: () => void } {
    const code = this.#code
    if (code === null) throw new HoldfastError('already-set-up', 'This node is set up already: sign in.')
    const key = addressKey(remote)
    this.#take(key)
    return { code, forgive: () => this.#perRemote.forgive(key) }
  }

  /** Ends the code for good. */
  finish(): void {
    this.#code = null
    rmSync(this.#file, { force: true })
  }

  /** Counts a try. @throws HoldfastError `locked-out` */
  #take(key: string): void {
    if (this.#perRemote.take(key) && this.#overall.take(everybody)) return
    const seconds = Math.ceil(Math.max(this.#perRemote.waitMs(key), this.#overall.waitMs(everybody)) / 1000)
    throw new HoldfastError('locked-out', `Too many wrong setup codes: try again in ${seconds} seconds.`)
  }
}
