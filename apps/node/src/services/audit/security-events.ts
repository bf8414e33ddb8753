import type { Proposer } from '../../log/proposer.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Logger } from '../../platform/logger.ts'
import type { Actor } from '../../state/commands.ts'
import { RateLimiter } from '../../trust/rate-limit.ts'

/** Events of one person that are written one by one; what is beyond is counted in the next event. */
const eventsPerPerson = { burst: 10, perSecond: 1 / 10, maxKeys: 10_000 }

/**
 * Writes refused access into the audit log. Bounded for each person, so that nobody can fill the log by knocking; how
 * many were left out is said by the next event that is written.
 */
export class SecurityEvents {
  private readonly proposer: Proposer
  private readonly logger: Logger
  private readonly limiter: RateLimiter
  private readonly leftOut = new Map<string, number>()

  constructor(options: { proposer: Proposer; logger: Logger; clock: Clock }) {
    this.proposer = options.proposer
    this.logger = options.logger
    this.limiter = new RateLimiter(eventsPerPerson, options.clock)
  }

  /** @param refused what was tried: a procedure's path, `frame.<type>` or `proof` */
  refused(actor: Actor, refused: string, why: string): void {
    if (!this.limiter.take(actor.id)) {
      this.leftOut.set(actor.id, (this.leftOut.get(actor.id) ?? 0) + 1)
      return
    }
    const leftOut = this.leftOut.get(actor.id) ?? 0
    this.leftOut.delete(actor.id)
    this.proposer
      .propose('security.event', actor, {
        action: 'access.refused',
        target: actor.id,
        detail: { tried: refused, why, ...(leftOut > 0 && { leftOut }) },
      })
      .catch((error: Error) =>
        this.logger.warn({ err: error }, 'a refused access could not be written to the audit log'),
      )
  }
}
