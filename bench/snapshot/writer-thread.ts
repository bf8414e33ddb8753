/** Stores batches of messages at a steady pace, as a node under load does, and times each commit. */
import { statSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { databaseLimits, openDatabase } from '@holdfast/db'

export interface WriterPlan {
  databaseFile: string
  synchronous: 'FULL' | 'NORMAL'
  batchMessages: number
  everyMs: number
}
export type ToWriter = { t: 'begin' } | { t: 'end' } | { t: 'hold'; held: boolean }
export interface WriterResult {
  commits: number
  p50Ms: number
  p99Ms: number
  slowestMs: number
  /** Commits over the goal of 50 ms. */
  stalls: number
  walBytes: number
}

export const goalMs = 50

if (parentPort !== null) {
  const port = parentPort
  const { databaseFile, synchronous, batchMessages, everyMs } = workerData as WriterPlan
  const db = openDatabase(databaseFile, { role: 'writer', synchronous })
  const insert = db.prepare('INSERT INTO message (key, sender, clientId, at, body) VALUES (?, ?, ?, 0, ?)')
  let key = db.prepare('SELECT max(key) FROM message').pluck().get() as number
  const body = 'x'.repeat(300)
  const batch = db.transaction(() => {
    for (let i = 0; i < batchMessages; i++) insert.run(++key, key % 100, `b${key}`, body)
  })
  let times: number[] = []
  setInterval(() => {
    const startedAt = performance.now()
    batch()
    times.push(performance.now() - startedAt)
  }, everyMs)
  port.on('message', (message: ToWriter) => {
    if (message.t === 'hold')
      db.pragma(`wal_autocheckpoint = ${message.held ? 0 : databaseLimits.checkpointPages}`)
    else {
      if (message.t === 'end') port.postMessage(result())
      times = []
    }
  })
  const result = (): WriterResult => {
    const sorted = [...times].sort((a, b) => a - b)
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
    return {
      commits: sorted.length,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      slowestMs: at(1),
      stalls: sorted.filter((ms) => ms > goalMs).length,
      walBytes: statSync(`${databaseFile}-wal`).size,
    }
  }
}
