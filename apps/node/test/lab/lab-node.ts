import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Daemon, type Finished, holdfast, initialize } from '../node-process.ts'
import { Volume } from '../volume.ts'
import { Clock } from './clock.ts'
import type { Host, Lab } from './lab.ts'

export interface LabNodeOptions {
  /** More flags of `holdfast serve`. */
  flags?: readonly string[]
  /** Whether its clock can jump; costs a little at every look at the clock. */
  clock?: boolean
  /** Size of a small disk of its own, in MiB; an ordinary folder when absent. */
  diskMebibytes?: number
}

const httpsPort = 7443

/** A node of the product in a host of the lab. It ends, and its data goes, with the lab. */
export class LabNode {
  readonly lab: Lab
  readonly host: Host
  readonly dataDir: string
  /** Its clock, and its disk, when they were asked for. */
  readonly clock: Clock | null
  readonly disk: Volume | null
  readonly #flags: readonly string[]
  #daemon: Daemon | null = null

  constructor(lab: Lab, host: Host, options: LabNodeOptions = {}) {
    this.lab = lab
    this.host = host
    const { flags = [], clock = false, diskMebibytes } = options
    this.#flags = flags
    this.clock = clock ? new Clock(join(lab.folder, `${host}.clock`)) : null
    this.disk =
      diskMebibytes === undefined ? null : new Volume(join(lab.folder, `${host}.disk`), diskMebibytes)
    this.dataDir = this.disk?.dataDir ?? join(lab.folder, host)
  }

  get url(): string {
    return `https://${this.lab.address(this.host)}:${httpsPort}`
  }

  /** Everything that its daemons printed. */
  get log(): string {
    return this.#daemon?.log ?? ''
  }

  get isRunning(): boolean {
    return this.#daemon !== null && !this.#daemon.hasEnded
  }

  /** Process id of the daemon. @throws Error when none was started */
  get pid(): number {
    return this.#running.pid
  }

  /** Process id of the etcd that the daemon runs; null when it runs none now. */
  get etcdPid(): number | null {
    return childOf(this.pid, 'etcd')
  }

  /** PEM of the facility's CA, as the data folder has it. */
  get ca(): string {
    const text = readFileSync(join(this.dataDir, 'secrets', 'ca.pem'), 'utf8')
    const certificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/.exec(text)
    if (!certificate) throw new Error(`${this.dataDir} has no CA certificate.`)
    return certificate[0]
  }

  /** `holdfast init`: a facility of its own. */
  async initialize(options: { facility: string; admin: string; password: string }): Promise<void> {
    const names = { dataDir: this.dataDir, nodeName: this.host, ...options }
    await initialize(names, { within: this.lab.within(this.host) })
  }

  /** Runs a command of `holdfast` in the host to its end. */
  holdfast(args: readonly string[]): Promise<Finished> {
    return holdfast(args, { within: this.lab.within(this.host) })
  }

  /** `holdfast serve`; resolves when it serves. */
  async start(): Promise<void> {
    if (this.isRunning) throw new Error(`${this.host} runs already.`)
    this.#daemon = new Daemon(this.dataDir, ['--port', String(httpsPort), ...this.#flags], {
      within: this.lab.within(this.host),
      log: this.log,
      ...(this.clock ? { env: this.clock.env } : {}),
    })
    await this.#daemon.started()
  }

  /** Stops it in order. */
  async stop(): Promise<void> {
    const code = await this.#running.end('SIGTERM')
    if (code !== 0) throw new Error(`${this.host} stopped with exit code ${code}:\n${this.log.slice(-8000)}`)
  }

  /** `kill -9`; resolves when it has ended. */
  async kill(): Promise<void> {
    await this.#running.end('SIGKILL')
  }

  /** Loses all that it had, as with a new disk. */
  wipe(): void {
    if (this.isRunning) throw new Error(`${this.host} runs.`)
    rmSync(this.dataDir, { recursive: true, force: true })
    mkdirSync(this.dataDir, { mode: 0o700 })
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  get #running(): Daemon {
    if (this.#daemon === null) throw new Error(`${this.host} was not started.`)
    return this.#daemon
  }
}

/** A child by its name (proc_pid_comm(5)). */
function childOf(parent: number, name: string): number | null {
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry)
    if (!Number.isInteger(pid)) continue
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
      const [state, parentPid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      if (Number(parentPid) !== parent || state === 'Z') continue
      if (readFileSync(`/proc/${pid}/comm`, 'latin1').trim() === name) return pid
    } catch {
      // It ended between the listing and the look.
    }
  }
  return null
}
