/** How a batch stands in etcd: its text, or that compressed (Zstandard, RFC 8878) where it is long. */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'

/** Bytes; a shorter batch costs little as it is. */
const compressedFrom = 2048
/** Bytes of a batch's text; far more than commands have, so that no compressed entry can fill the memory. */
export const batchTextBytes = 16 * 1024 * 1024
/** Higher levels save little on so short a text. A damaged frame is told by its checksum. */
const compression = {
  params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 },
}
/** How a Zstandard frame begins (RFC 8878, section 3.1.1); the text of a batch begins with a brace. */
const magic = [0x28, 0xb5, 0x2f, 0xfd] as const

export function encodeEntry(text: string): Buffer {
  const plain = Buffer.from(text)
  return plain.length < compressedFrom ? plain : zstdCompressSync(plain, compression)
}

/** @returns the text; empty, which is no batch, when it cannot be had, the same on every node */
export function decodeEntry(value: Uint8Array): string {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  if (!magic.every((byte, index) => bytes[index] === byte)) return bytes.toString()
  try {
    return zstdDecompressSync(bytes, { maxOutputLength: batchTextBytes }).toString()
  } catch {
    return ''
  }
}
