import type { ClientFrame } from '../contract/frames.ts'
import { limits } from '../contract/limits.ts'

const encoder = new TextEncoder()
/** UTF-8 needs at most three bytes for one UTF-16 code unit. */
const maxBytesPerUnit = 3

/**
 * Gathers the frames of one tick and writes them as one array: one WebSocket message costs one system call, one TLS
 * record and one look at the session, however many frames it holds.
 */
export class FrameWriter {
  readonly #write: (text: string) => void
  #queue: string[] = []
  #scheduled = false
  #units = 0

  constructor(write: (text: string) => void) {
    this.#write = write
  }

  /** UTF-16 code units that wait for the end of the tick. */
  get waiting(): number {
    return this.#units
  }

  push(frame: ClientFrame): void {
    const text = JSON.stringify(frame)
    this.#queue.push(text)
    this.#units += text.length
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => this.flush())
  }

  /** Writes what waits now. */
  flush(): void {
    this.#scheduled = false
    const frames = this.#queue
    this.#queue = []
    this.#units = 0
    for (const text of packFrames(frames)) this.#write(text)
  }

  /** Forgets what waits: its connection is gone. */
  clear(): void {
    this.#queue = []
    this.#units = 0
  }
}

/** Packs serialized frames into as few messages as the limits of the protocol allow, in order. */
export function* packFrames(
  frames: readonly string[],
  maxBytes: number = limits.frameBytes,
  maxFrames: number = limits.framesPerArray,
): Generator<string> {
  let batch: string[] = []
  let batchBytes = 2
  for (const frame of frames) {
    // The comma or bracket beside each frame counts too.
    const bytes = sizeOf(frame, maxBytes) + 1
    if (batch.length > 0 && (batch.length === maxFrames || batchBytes + bytes > maxBytes)) {
      yield join(batch)
      batch = []
      batchBytes = 2
    }
    batch.push(frame)
    batchBytes += bytes
  }
  if (batch.length > 0) yield join(batch)
}

function join(batch: string[]): string {
  return batch.length === 1 ? batch[0]! : `[${batch.join(',')}]`
}

/** UTF-8 bytes of a frame; the cheap upper bound where it cannot change the packing much. */
function sizeOf(frame: string, maxBytes: number): number {
  const most = frame.length * maxBytesPerUnit
  return most <= maxBytes / 256 ? most : encoder.encode(frame).length
}
