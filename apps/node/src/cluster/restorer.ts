import type { Logger } from '../platform/logger.ts'
import type { KnownPeer } from './membership.ts'

/** Between rounds over all peers, ms. */
const againMs = 2000

export interface RestorerOptions {
  /** Where to ask, the best first. */
  peers: () => KnownPeer[]
  /** Downloads a verified snapshot of that member and makes it ready for the next start. */
  download: (peer: KnownPeer, signal: AbortSignal) => Promise<{ index: number; bytes: number }>
  logger: Logger
  /** A snapshot is ready: the node starts anew with it. */
  onReady: (from: KnownPeer) => void
}

/** Takes this node's state from another member; tries until one gives it. */
export class Restorer {
  private readonly o: RestorerOptions
  private readonly abort = new AbortController()
  private running = false
  problem: string | null = null

  constructor(options: RestorerOptions) {
    this.o = options
  }

  get active(): boolean {
    return this.running
  }

  async start(reason: string): Promise<void> {
    if (this.running) return
    this.running = true
    const { logger, peers, download, onReady } = this.o
    logger.warn({ reason }, 'the state is taken from another node')
    while (!this.abort.signal.aborted) {
      for (const peer of peers()) {
        if (this.abort.signal.aborted) return
        try {
          const { index, bytes } = await download(peer, this.abort.signal)
          logger.info({ from: peer.name, index, bytes }, 'the state of another node is here')
          onReady(peer)
          return
        } catch (error) {
          this.problem = error instanceof Error ? error.message : String(error)
          logger.warn({ err: error, from: peer.name }, 'a node did not give its state; the next one is asked')
        }
      }
      await new Promise((resolve) => setTimeout(resolve, againMs))
    }
  }

  stop(): void {
    this.abort.abort()
  }
}
