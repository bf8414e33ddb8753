import { rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { HoldfastError } from '@holdfast/api/contract/errors'
import type { Alerts } from '../services/overview/alerts.ts'
import { type DiskLevel, type DiskSpace, diskLevel, diskSpace } from './disk.ts'
import type { Logger } from './logger.ts'

const checkMs = 2000
/** Space kept back so that logins, revocations and their audit events still find room on a full disk. */
const ballastBytes = 32 * 1024 ** 2
/**
 * On a small volume no more than this share of it. Like the size above it stays below what must be free before messages
 * are taken again (disk.ts), or dropping the ballast would look like room.
 */
const ballastShare = 0.02
const ballastName = 'ballast'

/** Before a start: where there is no room at all not even the lock of the data folder could be written. */
export async function makeRoomToStart(dataDir: string): Promise<void> {
  if (diskLevel(await diskSpace(dataDir), 'ok') === 'full')
    await rm(join(dataDir, ballastName), { force: true })
}

/** Watches the room on the data folder's disk. When it runs out, messages are refused before anything breaks. */
export class DiskGuard {
  space: DiskSpace = { freeBytes: 0, totalBytes: 0 }
  private readonly dataDir: string
  private readonly ballast: string
  private readonly alerts: Alerts
  private readonly logger: Logger
  private readonly onChange: (level: DiskLevel, message: string) => Promise<void>
  private level: DiskLevel = 'ok'
  private timer: NodeJS.Timeout | null = null
  private checking: Promise<void> | null = null

  constructor(options: {
    dataDir: string
    alerts: Alerts
    logger: Logger
    onChange: (level: DiskLevel, message: string) => Promise<void>
  }) {
    this.dataDir = options.dataDir
    this.ballast = join(options.dataDir, ballastName)
    this.alerts = options.alerts
    this.logger = options.logger
    this.onChange = options.onChange
  }

  async start(): Promise<void> {
    await this.check()
    this.timer = setInterval(() => void this.check(), checkMs)
  }

  async stop(): Promise<void> {
    if (this.timer) clearInterval(this.timer)
    await this.checking
  }

  /** Why a message cannot be stored now; null while it can. */
  refusal(): HoldfastError | null {
    return this.level === 'full'
      ? new HoldfastError(
          'disk-full',
          'The disk of this node is full; nothing new can be stored. Tell an administrator.',
        )
      : null
  }

  /** A write failed for want of room although the watch had not noticed yet. */
  writeFailed(): void {
    this.space = { ...this.space, freeBytes: 0 }
    this.enter('full')
  }

  private check(): Promise<void> {
    this.checking ??= this.look().finally(() => {
      this.checking = null
    })
    return this.checking
  }

  private async look(): Promise<void> {
    try {
      const before = this.level
      const space = await diskSpace(this.dataDir)
      // A write has failed since: what was seen is older than that.
      if (this.level !== before) return
      this.space = space
      this.enter(diskLevel(space, before))
      await this.keepBallast()
    } catch (error) {
      this.logger.warn({ err: error }, `the room on the disk of ${this.dataDir} cannot be read`)
    }
  }

  private enter(level: DiskLevel): void {
    if (level === this.level) return
    this.level = level
    const free = `${Math.floor(this.space.freeBytes / 1024 ** 2)} MB free`
    const message = {
      ok: 'There is room on the disk again; messages are taken.',
      low: `The disk is nearly full (${free}). Make room or shorten the retention of channels.`,
      full: `The disk is full (${free}): messages are refused; reading and signing in go on. Make room on ${this.dataDir}.`,
    }[level]
    if (level === 'ok') this.alerts.clear('disk')
    else this.alerts.raise(level === 'full' ? 'alert' : 'warning', 'disk', message)
    this.logger[level === 'ok' ? 'info' : 'warn']({ freeBytes: this.space.freeBytes }, message)
    void this.follow(level, message)
  }

  /** The reserve is given free once everybody knows that it is not for them. */
  private async follow(level: DiskLevel, message: string): Promise<void> {
    try {
      await this.onChange(level, message)
    } catch (error) {
      this.logger.warn({ err: error }, 'not everything heard of the room on the disk')
    }
    if (level === 'full' && this.isFull()) await this.dropBallast()
  }

  /** Asked again after waiting, when a failed write may have changed it. */
  private isFull(): boolean {
    return this.level === 'full'
  }

  private async dropBallast(): Promise<void> {
    await rm(this.ballast, { force: true })
  }

  private async keepBallast(): Promise<void> {
    const bytes = Math.floor(Math.min(ballastBytes, this.space.totalBytes * ballastShare))
    const held = await stat(this.ballast).catch(() => null)
    if (this.level === 'full' || held?.size === bytes || this.space.freeBytes < bytes * 3) return
    // Flushed: after a power cut a file that was not may have no block, and gives no room.
    await writeFile(this.ballast, Buffer.alloc(bytes), { mode: 0o600, flush: true })
    if (this.isFull()) await this.dropBallast()
  }
}
