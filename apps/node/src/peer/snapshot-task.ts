/** Runs one task of the snapshot thread. */
import { Worker } from 'node:worker_threads'
import { threadUrl } from '../platform/thread-url.ts'
import type { SnapshotTask, SnapshotTaskResult } from './snapshot-thread.ts'

export type SnapshotTaskOutcome = Exclude<SnapshotTaskResult, { t: 'failed' | 'copied' }>

/** The task failed in its thread; `code` is the system's or SQLite's. */
export class SnapshotTaskError extends Error {
  readonly code: string
  constructor(message: string, code: string) {
    super(message)
    this.name = 'SnapshotTaskError'
    this.code = code
  }
}

/** @throws SnapshotTaskError, also when the signal aborts or the task takes too long */
export function runSnapshotTask(
  task: SnapshotTask,
  { timeoutMs, signal, onCopied }: { timeoutMs: number; signal: AbortSignal; onCopied?: () => void },
): Promise<SnapshotTaskOutcome> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(new SnapshotTaskError('it was called off', 'ABORT_ERR'))
      return
    }
    const worker = new Worker(threadUrl('snapshot-thread', import.meta.url), {
      workerData: task,
      name: 'holdfast-snapshot',
    })
    let failure = new SnapshotTaskError('its thread ended', '')
    let result: SnapshotTaskOutcome | null = null
    const end = (why: string, code: string) => {
      failure = new SnapshotTaskError(why, code)
      void worker.terminate()
    }
    const abort = () => end('it was called off', 'ABORT_ERR')
    const timer = setTimeout(() => end(`it took over ${timeoutMs} ms`, 'ETIMEDOUT'), timeoutMs)
    signal.addEventListener('abort', abort)
    worker.on('message', (message: SnapshotTaskResult) => {
      if (message.t === 'failed') failure = new SnapshotTaskError(message.message, message.code)
      else if (message.t === 'copied') onCopied?.()
      else result = message
    })
    worker.on('error', (error) => {
      failure = new SnapshotTaskError(error.message, '')
    })
    worker.once('exit', () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
      if (result === null) reject(failure)
      else resolve(result)
    })
  })
}
