/**
 * Tells systemd how the service is (sd_notify(3)): ready, stopping, alive.
 *
 * Node cannot open a Unix datagram socket, so each message goes through `systemd-notify`, which is present
 * wherever systemd is. The message then comes from a child process: the unit needs `NotifyAccess=all`.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Logger } from './logger.ts'

const run = promisify(execFile)
const defaultCommand = '/usr/bin/systemd-notify'
/** A helper that hangs is ended; the service manager's own timeouts then decide. */
const notifyTimeoutMs = 5_000
/** systemd asks for a sign of life twice within its period (sd_watchdog_enabled(3)). */
const signsPerPeriod = 2

export class ServiceManager implements AsyncDisposable {
  readonly #socket: string | null
  readonly #watchdogMs: number | null
  readonly #logger: Logger
  readonly #command: string
  #timer: NodeJS.Timeout | null = null

  /**
   * @param options.socket NOTIFY_SOCKET; null: not started by systemd, every call does nothing
   * @param options.watchdogMs period in which systemd expects a sign of life; null: it expects none
   */
  constructor(options: {
    socket: string | null
    watchdogMs: number | null
    logger: Logger
    command?: string
  }) {
    this.#socket = options.socket
    this.#watchdogMs = options.watchdogMs
    this.#logger = options.logger
    this.#command = options.command ?? defaultCommand
  }

  /** The service takes connections. `status` is what `systemctl status` shows. Starts the signs of life. */
  async ready(status: string, alive: () => boolean = () => true): Promise<void> {
    await this.#send('READY=1', `STATUS=${oneLine(status)}`)
    if (this.#socket === null || this.#watchdogMs === null || this.#timer !== null) return
    this.#timer = setInterval(() => {
      if (alive()) void this.#send('WATCHDOG=1')
    }, this.#watchdogMs / signsPerPeriod)
    this.#timer.unref()
  }

  async status(status: string): Promise<void> {
    await this.#send(`STATUS=${oneLine(status)}`)
  }

  async stopping(): Promise<void> {
    await this.#send('STOPPING=1')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#timer) clearInterval(this.#timer)
    this.#timer = null
  }

  async #send(...assignments: string[]): Promise<void> {
    if (this.#socket === null) return
    try {
      await run(this.#command, assignments, {
        env: { NOTIFY_SOCKET: this.#socket },
        timeout: notifyTimeoutMs,
      })
    } catch (error) {
      // A service that works must not stop because its manager was not told.
      this.#logger.warn({ err: error }, `systemd could not be told (${assignments[0]})`)
    }
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ')
}
