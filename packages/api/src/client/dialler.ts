import { Attempt, type Credentials, type Link } from './attempt.ts'
import { clientBounds, type Timing } from './bounds.ts'
import { ConnectionStoppedError, UnreachableError } from './errors.ts'
import type { NodeList } from './node-list.ts'

export interface DiallerOptions {
  nodes: NodeList
  credentials: Credentials
  timing: Timing
  /** As in AttemptOptions. */
  branch(): string | null
  onReady(link: Link): void
  /** No attempt is under way, and none can be made before `waitMs` are over. */
  onIdle(waitMs: number, error: Error): void
  /** Trying again is of no use. */
  onRefused(error: ConnectionStoppedError): void
}

/**
 * Reaches one of several nodes. The next one is dialled as soon as an attempt has failed, or has not succeeded for a
 * short while; the first that authenticates wins, the others are closed (RFC 8305 does the same with addresses).
 */
export class Dialler {
  readonly #o: DiallerOptions
  readonly #running = new Map<string, Attempt>()
  /** Nodes that refused the credentials since the last success. */
  readonly #refusals = new Map<string, ConnectionStoppedError>()
  #refusedRounds = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #lastStartAt = Number.NEGATIVE_INFINITY
  #lastError: Error = new UnreachableError('No node could be reached.')
  #dialling = false
  /** The node that the client has and wants to leave for one with a quorum; null: it has none. */
  #leaving: string | null = null

  constructor(options: DiallerOptions) {
    this.#o = options
  }

  get dialling(): boolean {
    return this.#dialling
  }

  /** Begins, or goes on at once. `leaving`: only nodes other than this one, and only those that may have a quorum. */
  start(leaving: string | null = null): void {
    this.#leaving = leaving
    if (!this.#dialling) this.#lastStartAt = Number.NEGATIVE_INFINITY
    this.#dialling = true
    this.#advance()
  }

  stop(): void {
    this.#dialling = false
    clearTimeout(this.#timer)
    for (const attempt of this.#running.values()) attempt.cancel()
    this.#running.clear()
  }

  #advance(): void {
    clearTimeout(this.#timer)
    const { nodes, timing } = this.#o
    const barred = (url: string): boolean =>
      this.#running.has(url) ||
      this.#refusals.has(url) ||
      (this.#leaving !== null && (url === this.#leaving || nodes.isReadOnly(url)))
    for (;;) {
      // An attempt that failed at once has come back here already.
      if (!this.#dialling) return
      const [url] = nodes.ready(barred)
      const dueInMs = this.#running.size === 0 ? 0 : this.#lastStartAt + timing.staggerMs - performance.now()
      if (url !== undefined && dueInMs <= 0) {
        this.#dial(url)
        continue
      }
      const waitMs = url === undefined ? nodes.waitMs(barred) : dueInMs
      if (this.#running.size > 0) {
        if (Number.isFinite(waitMs)) this.#timer = setTimeout(() => this.#advance(), Math.ceil(waitMs))
      } else this.#idle(waitMs)
      return
    }
  }

  #dial(url: string): void {
    const { nodes, timing, credentials } = this.#o
    this.#lastStartAt = performance.now()
    // A busy node may need longer than the first patience; who hangs up on it every time never gets in.
    const growth = this.#leaving === null ? 2 ** Math.min(nodes.failures(url), 10) : 1
    const attempt = new Attempt({
      url,
      credentials,
      branch: this.#o.branch,
      timeoutMs: Math.min(timing.connectMaxMs, timing.connectMs * growth),
      onReady: (link) => {
        this.#running.delete(url)
        this.stop()
        this.#refusals.clear()
        this.#refusedRounds = 0
        nodes.answered(url)
        this.#o.onReady(link)
      },
      onFailed: (error) => {
        this.#running.delete(url)
        this.#lastError = error
        if (error instanceof ConnectionStoppedError) this.#refusals.set(url, error)
        else nodes.failed(url)
        if (error instanceof ConnectionStoppedError && error.code === 'device-revoked') this.#refuse(error)
        else this.#advance()
      },
    })
    this.#running.set(url, attempt)
    attempt.start()
  }

  /**
   * A node that is behind the others may not know the session or the device yet. What it refuses counts when all nodes
   * refuse it, or when the others stay away.
   */
  #idle(waitMs: number): void {
    const [refusal] = this.#refusals.values()
    if (refusal && this.#leaving === null) {
      this.#refusedRounds += 1
      const all = this.#o.nodes.urls.every((url) => this.#refusals.has(url))
      if (all || this.#refusedRounds >= clientBounds.refusedRounds) {
        this.#refuse(refusal)
        return
      }
      for (const url of this.#refusals.keys()) this.#o.nodes.failed(url)
      waitMs = this.#o.nodes.waitMs()
    }
    this.#refusals.clear()
    this.#dialling = false
    this.#o.onIdle(waitMs, this.#lastError)
  }

  #refuse(error: ConnectionStoppedError): void {
    this.stop()
    this.#refusals.clear()
    this.#o.onRefused(error)
  }
}
