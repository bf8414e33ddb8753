import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { BenchError } from '../lib/bench-error.ts'
import type { DriverMessage, LoadPlan, LoadResult } from './plan.ts'

const driverScript = fileURLToPath(new URL('./load.ts', import.meta.url))

export interface DriverObserver {
  measuring?(): void
  measured?(): void
  /** Ends the measurement before its time. */
  until?: Promise<unknown>
}

/** The words before a command that make it run elsewhere, such as in a network namespace. */
export type Within = readonly string[]

/** Runs one load in a process of its own and resolves with its figures. */
export function runDriver(
  plan: LoadPlan,
  observer: DriverObserver = {},
  within: Within = [],
): Promise<LoadResult> {
  return new Promise((resolve, reject) => {
    const [execPath = process.execPath, ...execArgv] = [...within, process.execPath]
    const driver = fork(driverScript, { execPath, execArgv })
    driver.on('message', (message: DriverMessage) => {
      if (message.event === 'measuring') observer.measuring?.()
      else if (message.event === 'measured') observer.measured?.()
      else if (message.event === 'result') resolve(message.result)
      else reject(new BenchError(message.reason))
    })
    driver.once('error', reject)
    driver.once('exit', (code) => reject(new BenchError(`the driver ended with code ${code}`)))
    driver.send(plan)
    observer.until?.then(() => driver.connected && driver.send('stop'))
  })
}
