/** Nobody waits longer for what this node has not applied, such as while its disk is full. */
export const revisionWaitMs = 10_000

interface Waiter {
  revision: number
  settle: (error: Error | null) => void
}

/** Who waits until a revision of the log is applied here. Everybody gets an answer. */
export class RevisionWaiters {
  private readonly waiting = new Set<Waiter>()
  private ended: string | null = null

  /** @throws Error when it is not applied in time, or never will be */
  wait(revision: number, withinMs: number = revisionWaitMs): Promise<void> {
    if (this.ended !== null) return Promise.reject(new Error(this.ended))
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        revision,
        settle: (error) => {
          clearTimeout(timer)
          this.waiting.delete(waiter)
          if (error === null) resolve()
          else reject(error)
        },
      }
      const late = () =>
        waiter.settle(new Error(`Revision ${revision} was not applied within ${withinMs} ms.`))
      const timer = setTimeout(late, withinMs)
      this.waiting.add(waiter)
    })
  }

  applied(revision: number): void {
    for (const waiter of this.waiting) if (revision >= waiter.revision) waiter.settle(null)
  }

  /** Nothing is applied any more. */
  end(reason: string): void {
    this.ended = reason
    for (const waiter of this.waiting) waiter.settle(new Error(reason))
  }
}
