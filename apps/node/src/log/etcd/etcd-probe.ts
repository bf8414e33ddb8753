import type { EtcdClient, EtcdStatus } from './etcd-client.ts'

/** Pauses between two looks, ms: when all is well, and when a lost leader, or the next one, is to be noticed soon. */
export const calmProbeMs = 500
const hastyProbeMs = 100

export interface EtcdProbeOptions {
  client: Pick<EtcdClient, 'status'>
  /** Whether all is well. */
  isCalm: () => boolean
  /** Told after each look. */
  onLook: () => void
  /** Told when another term has a leader than before. */
  onNewLeader: () => void
}

/** Looks at this node's etcd again and again. */
export class EtcdProbe {
  /** Its newest word; null while it cannot be asked. */
  latest: EtcdStatus | null = null
  private readonly o: EtcdProbeOptions
  /** The newest term of which a leader is known. */
  private ledTerm = 0
  private timer: NodeJS.Timeout | null = null
  private stopped = false

  constructor(options: EtcdProbeOptions) {
    this.o = options
  }

  get leads(): boolean {
    return this.latest !== null && this.latest.leader === this.latest.memberId
  }

  start(): void {
    const pauseMs = this.o.isCalm() ? calmProbeMs : hastyProbeMs
    this.timer = setTimeout(() => void this.look().finally(() => this.stopped || this.start()), pauseMs)
  }

  stop(): void {
    this.stopped = true
    if (this.timer) clearTimeout(this.timer)
  }

  async look(): Promise<void> {
    const latest = await this.o.client.status().catch(() => null)
    if (this.stopped) return
    this.latest = latest
    if (latest?.leader && latest.term !== this.ledTerm) {
      const isFirst = this.ledTerm === 0
      this.ledTerm = latest.term
      if (!isFirst) this.o.onNewLeader()
    }
    this.o.onLook()
  }
}
