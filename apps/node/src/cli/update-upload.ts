/** Sends a bundle to one node in parts. */
import { setTimeout as sleep } from 'node:timers/promises'
import { HoldfastError } from '@holdfast/api/contract/errors'
import { type UpdateUpload, uploadChunkBytes } from '@holdfast/api/contract/update-inputs'
import { openBundle } from '../appliance/bundle-file.ts'
import { isGone } from './cluster-common.ts'

/** Of one part, with the wait between them: a node that starts anew, or a link that broke, is back by then. */
const partTries = 30
const partAgainMs = 1_000

/** Where the parts go. */
export interface Receiver {
  upload: { mutate: (part: UpdateUpload) => Promise<{ bytes: number }> }
}

export async function uploadBundle(to: Receiver, file: string, againMs: number = partAgainMs): Promise<void> {
  await using handle = await openBundle(file)
  const { size } = await handle.stat()
  for (let offset = 0; offset < size; ) {
    const { buffer, bytesRead } = await handle.read(
      Buffer.alloc(uploadChunkBytes),
      0,
      uploadChunkBytes,
      offset,
    )
    offset = await sendPart(to, { offset, bytes: buffer.subarray(0, bytesRead), againMs })
  }
}

/** @returns where the next part begins */
async function sendPart(
  { upload }: Receiver,
  { offset, bytes, againMs }: { offset: number; bytes: Buffer; againMs: number },
): Promise<number> {
  const data = bytes.toString('base64')
  for (let tries = 1; ; tries++) {
    try {
      return (await upload.mutate({ offset, data })).bytes
    } catch (error) {
      // Only its answer was lost. If it is something else that the node lacks, it refuses the next part too.
      if (tries > 1 && error instanceof HoldfastError && error.code === 'conflict')
        return offset + bytes.length
      if (!isGone(error) || tries === partTries) throw error
      await sleep(againMs)
    }
  }
}
