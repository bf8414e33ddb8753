import { readlinkSync } from 'node:fs'
import { setPriority } from 'node:os'

/**
 * Gives the calling thread a weaker claim to the processor, so that the node's own threads come first. Linux counts priorities by thread; elsewhere, and where it is
 * not allowed, the thread keeps its own.
 * @param niceness 0 to 19; 19 is the weakest but for the idle class
 */
export function lowerPriority(niceness: number): void {
  try {
    const [, thread] = /task\/(\d+)$/.exec(readlinkSync('/proc/thread-self')) ?? []
    if (thread !== undefined) setPriority(Number(thread), niceness)
  } catch {
    return
  }
}
