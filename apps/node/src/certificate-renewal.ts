import type { Clock } from './platform/clock.ts'
import type { Logger } from './platform/logger.ts'
import type { Alerts } from './services/overview/alerts.ts'

const lookEveryMs = 60_000

export interface CertificateRenewalOptions {
  /** Makes a new certificate when the old one ends soon. @returns whether it did */
  renew: (nowMs: number) => Promise<boolean>
  /** Takes what was made into use; connections stay. */
  use: () => void
  clock: Clock
  alerts: Alerts
  logger: Logger
}

/** Renews this node's certificates before they end. What keeps it from that is an alert, and logged once for each reason. */
export class CertificateRenewal {
  private readonly o: CertificateRenewalOptions
  private timer: NodeJS.Timeout | null = null
  private isUnused = false
  private problem: string | null = null

  constructor(options: CertificateRenewalOptions) {
    this.o = options
  }

  start(): void {
    this.timer = setInterval(() => void this.look(), lookEveryMs)
  }

  stop(): void {
    if (this.timer) clearInterval(this.timer)
  }

  async look(): Promise<void> {
    const { renew, use, clock, alerts, logger } = this.o
    try {
      if (await renew(clock.now())) this.isUnused = true
      if (this.isUnused) {
        use()
        this.isUnused = false
        logger.info('the node has a new certificate')
      }
      this.problem = null
      alerts.clear('certificate')
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error)
      alerts.raise('warning', 'certificate', "The node's certificate could not be renewed; the log says why.")
      if (problem === this.problem) return
      this.problem = problem
      logger.error({ err: error }, 'the certificate could not be renewed')
    }
  }
}
