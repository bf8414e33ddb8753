import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Logger } from '../../platform/logger.ts'
import { LastWords } from './last-words.ts'

/** etcd's own bounds. */
const etcdBounds = {
  databaseBytes: 2 * 1024 ** 3,
  requestBytes: 1_572_864,
  /**
   * Time between commits of the database, during which changes gather. Nothing depends on it: what is not in the database yet
   * is in etcd's write-ahead log.
   */
  commitMs: 500,
  /** Changes after which it commits at once. */
  commitChanges: 100_000,
  /** Raft entries between snapshots; all of them are in memory, which is why batches are small. */
  snapshotEntries: 1000,
  /** Older ones that stay in memory for a member that was away for a moment; one that lacks more takes a snapshot. */
  catchUpEntries: 1000,
  /** Go frees memory sooner as it comes near to this; the database's mapped file is not in it (Go runtime, GOMEMLIMIT). */
  memory: '288MiB',
} as const

/** A restart waits so long, doubled with each that fails soon, ms. */
const firstRestartMs = 200
const lastRestartMs = 10_000
/** One that ran for so long did not fail soon. */
const settledMs = 30_000
/** How long it may take to hand on what it has and end. */
const stopMs = 5000
const lineCharacters = 2000

export interface EtcdProcessOptions {
  binary: string
  /** Folder that it has for itself. */
  folder: string
  /** Node id; the member's name. */
  name: string
  /** URL at which the other members reach it, such as https://10.0.0.1:7446. */
  peerUrl: string
  raftPort: number
  clientPort: number
  /** First start: NAME=URL,NAME=URL. */
  initialCluster: string
  initialState: 'new' | 'existing'
  clusterToken: string
  /** Makes this member the only one, at each start until it leads. */
  forceNew: boolean
  heartbeatMs: number
  electionMs: number
  /** File with certificate and key. */
  keyFile: string
  /** The authority's certificate, PEM. */
  authority: string
  logger: Logger
  onExit: (problem: string) => void
}

/** Runs etcd as a child that ends with this process however it ends, and starts it again when it ends by itself. */
export class EtcdProcess {
  private readonly o: EtcdProcessOptions
  private child: ChildProcess | null = null
  private stopping = false
  private restartMs = firstRestartMs
  private restarter: NodeJS.Timeout | null = null
  private forceNew: boolean
  private readonly words = new LastWords()
  private exit: string | null = null
  private startedAt = 0

  constructor(options: EtcdProcessOptions) {
    this.o = options
    this.forceNew = options.forceNew
  }

  get pid(): number | null {
    return this.child?.pid ?? null
  }

  /** Bytes of memory that it holds; 0 while it does not run. */
  get rssBytes(): number {
    if (this.pid === null) return 0
    try {
      const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1]
      return Number(kib ?? 0) * 1024
    } catch {
      return 0
    }
  }

  /** Why it ended the last time; null when it has not, or goes on well since. */
  get problem(): string | null {
    const isWell = this.child !== null && Date.now() - this.startedAt > settledMs
    return isWell ? null : this.exit
  }

  start(): void {
    const { folder, binary } = this.o
    mkdirSync(join(folder, 'data'), { recursive: true, mode: 0o700 })
    // etcd takes each block of the file for a certificate, so the one with the authority's key will not do.
    writeFileSync(this.authorityFile, this.o.authority, { mode: 0o600 })
    this.startedAt = Date.now()
    // setpriv has the kernel end etcd when this process dies, also by kill -9.
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', binary, ...this.flags()], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: process.env.PATH ?? '', GOMEMLIMIT: etcdBounds.memory },
    })
    this.child = child
    this.words.forget()
    if (child.pid !== undefined) writeFileSync(join(folder, 'etcd.pid'), `${child.pid}\n`, { mode: 0o600 })
    if (child.stderr) createInterface({ input: child.stderr }).on('line', (line) => this.logged(line))
    let ended = false
    const end = (why: string) => {
      if (ended) return
      ended = true
      this.child = null
      rmSync(join(folder, 'etcd.pid'), { force: true })
      if (!this.stopping) this.again(why, Date.now() - this.startedAt)
    }
    child.on('error', (error) => end(`etcd cannot be started: ${error.message}`))
    child.on('exit', (code, signal) => end(`etcd ended (${signal ?? `code ${code}`})${this.words.text}`))
  }

  /** Lets it go on for at most so long, and not start again: one that is taken out is still asked for its vote about that. */
  async letEnd(withinMs: number): Promise<void> {
    this.stopping = true
    const { child } = this
    if (child !== null && withinMs > 0)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, withinMs)
        child.once('exit', () => {
          clearTimeout(timer)
          resolve()
        })
      })
    await this.stop()
  }

  /** It leads: being the only member is behind it, and the next start is an ordinary one. */
  led(): void {
    this.forceNew = false
  }

  /** Ends it at once, connections and all; it starts again by itself. */
  startAnew(why: string): void {
    if (this.child === null || this.stopping) return
    this.o.logger.warn({ why }, 'etcd is started anew, because its connections to the others hang')
    this.child.kill('SIGKILL')
  }

  async stop(): Promise<void> {
    this.stopping = true
    if (this.restarter) clearTimeout(this.restarter)
    const { child } = this
    if (child === null) return
    await new Promise<void>((resolve) => {
      const killer = setTimeout(() => child.kill('SIGKILL'), stopMs)
      child.once('exit', () => {
        clearTimeout(killer)
        resolve()
      })
      child.kill('SIGTERM')
    })
  }

  private again(why: string, ranMs: number): void {
    if (ranMs > settledMs) this.restartMs = firstRestartMs
    this.exit = why
    this.o.logger.warn({ restartMs: this.restartMs }, why)
    this.o.onExit(why)
    this.restarter = setTimeout(() => this.start(), this.restartMs)
    this.restartMs = Math.min(this.restartMs * 2, lastRestartMs)
  }

  private get authorityFile(): string {
    return join(this.o.folder, 'authority.pem')
  }

  private flags(): string[] {
    const { o } = this
    const clientUrl = `https://127.0.0.1:${o.clientPort}`
    const anyHost = new URL(o.peerUrl).hostname.startsWith('[') ? '[::]' : '0.0.0.0'
    const keys = (prefix: string) => [
      `--${prefix}cert-file=${o.keyFile}`,
      `--${prefix}key-file=${o.keyFile}`,
      `--${prefix}trusted-ca-file=${this.authorityFile}`,
    ]
    return [
      `--name=${o.name}`,
      `--data-dir=${join(o.folder, 'data')}`,
      `--listen-peer-urls=https://${anyHost}:${o.raftPort}`,
      `--initial-advertise-peer-urls=${o.peerUrl}`,
      `--listen-client-urls=${clientUrl}`,
      `--advertise-client-urls=${clientUrl}`,
      `--initial-cluster=${o.initialCluster}`,
      `--initial-cluster-state=${o.initialState}`,
      `--initial-cluster-token=${o.clusterToken}`,
      ...keys(''),
      '--client-cert-auth',
      ...keys('peer-'),
      '--peer-client-cert-auth',
      // The authority between nodes issues nothing else, and a member's address may change.
      '--experimental-peer-skip-client-san-verification',
      '--pre-vote=true',
      `--heartbeat-interval=${o.heartbeatMs}`,
      `--election-timeout=${o.electionMs}`,
      `--snapshot-count=${etcdBounds.snapshotEntries}`,
      `--experimental-snapshot-catchup-entries=${etcdBounds.catchUpEntries}`,
      `--max-request-bytes=${etcdBounds.requestBytes}`,
      `--quota-backend-bytes=${etcdBounds.databaseBytes}`,
      `--backend-batch-interval=${etcdBounds.commitMs}ms`,
      `--backend-batch-limit=${etcdBounds.commitChanges}`,
      '--auto-compaction-retention=0',
      '--backend-bbolt-freelist-type=map',
      '--logger=zap',
      '--log-outputs=stderr',
      '--log-level=warn',
      ...(this.forceNew ? ['--force-new-cluster'] : []),
    ]
  }

  private logged(line: string): void {
    this.words.hear(line.slice(0, lineCharacters))
    this.o.logger.debug({ etcd: line.slice(0, lineCharacters) }, 'etcd says')
  }
}
