/** Compresses and encrypts a backup in a thread of its own, with the least claim to the processor. */
import { parentPort, workerData } from 'node:worker_threads'
import { lowerPriority } from '../../platform/low-priority.ts'
import { type WriteRequest, type WrittenBackup, writeBackup } from './write-backup.ts'

export type FromBackupThread =
  | { t: 'progress'; doneBytes: number }
  | { t: 'written'; written: WrittenBackup }
  | { t: 'failed'; message: string; code: string }

/** Nothing waits for it. */
const niceness = 15
/** Bytes between two reports. */
const reportBytes = 8 * 1024 * 1024

if (parentPort !== null) {
  const tell = (message: FromBackupThread): void => parentPort?.postMessage(message)
  lowerPriority(niceness)
  let reported = 0
  try {
    const written = await writeBackup(workerData as WriteRequest, (doneBytes) => {
      if (doneBytes - reported < reportBytes) return
      reported = doneBytes
      tell({ t: 'progress', doneBytes })
    })
    tell({ t: 'written', written })
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException
    tell({ t: 'failed', message, code: code ?? '' })
  }
}
