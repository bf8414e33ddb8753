import { type FileHandle, open } from 'node:fs/promises'

/** Bytes read at once: a few thousand events, so that a thread that also answers others is never long away. */
const maxChunkBytes = 1024 * 1024
const minChunkBytes = 16 * 1024
const lineFeed = 0x0a

export interface RawLine {
  /** The line without its line feed; valid until the next line is asked for, and the caller may write into it. */
  bytes: Buffer
  /** From 1. */
  number: number
  /** Where the line begins in the file. */
  offset: number
  /** `cut`: the file ends before the line feed. `long`: longer than allowed, and only its beginning is here. */
  kind: 'whole' | 'cut' | 'long'
}

/**
 * Lines of a file, byte for byte, with bounded memory.
 * @param maxBytes longest line with its line feed; the rest of a longer one is skipped
 */
export async function* rawLines(path: string, maxBytes: number): AsyncGenerator<RawLine[]> {
  const file = await open(path, 'r')
  try {
    yield* splitLines(file, maxBytes)
  } finally {
    await file.close()
  }
}

/** Yields the lines of each chunk together, because a step of an async generator costs more than a line's hash. */
async function* splitLines(file: FileHandle, maxBytes: number): AsyncGenerator<RawLine[]> {
  const { size } = await file.stat()
  const chunkBytes = Math.max(minChunkBytes, Math.min(maxChunkBytes, size))
  const buffer = Buffer.allocUnsafe(chunkBytes + maxBytes)
  /** Bytes at the buffer's start that belong to a line whose end is not read yet. */
  let held = 0
  let offset = 0
  let number = 1
  let skipping = false
  for (;;) {
    const { bytesRead } = await file.read(buffer, held, chunkBytes, null)
    const end = held + bytesRead
    const lines: RawLine[] = []
    let from = 0
    for (let feed = buffer.indexOf(lineFeed, held); feed >= 0 && feed < end; ) {
      if (skipping) skipping = false
      else {
        const kind = feed + 1 - from > maxBytes ? 'long' : 'whole'
        lines.push({ bytes: buffer.subarray(from, feed), number, offset: offset + from, kind })
      }
      from = feed + 1
      number++
      feed = buffer.indexOf(lineFeed, from)
    }
    if (skipping) from = end
    const left = end - from
    const tooLong = left > maxBytes
    if (left > 0 && (bytesRead === 0 || tooLong)) {
      const kind = tooLong ? 'long' : 'cut'
      lines.push({ bytes: buffer.subarray(from, end), number, offset: offset + from, kind })
      skipping = tooLong
      from = end
    }
    if (lines.length > 0) yield lines
    if (bytesRead === 0) return
    buffer.copyWithin(0, from, end)
    offset += from
    held = end - from
  }
}
