/** Answers reads that take time, and keeps the full-text index, away from the sockets and the writer. */
import { rmSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import { openDatabase } from '@holdfast/db'
import { answerQuestions } from '../platform/questions.ts'
import { isDamage, isFull } from './index-faults.ts'
import { indexPauseMs } from './index-pace.ts'
import { Pages } from './pages.ts'
import type { Dirty, ReaderData, ReaderQuestions } from './protocol.ts'
import { SearchIndex } from './search-index.ts'

/** Wait before the index is written again after the disk had no room for it. */
const retryMs = 5000

const { databaseFile, searchFile } = workerData as ReaderData
const cluster = openDatabase(databaseFile, { role: 'reader' })
let index = openMended()
const pages = new Pages(cluster)
const pageCount = cluster
  .prepare('SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()')
  .pluck()
const entryCount = cluster.prepare('SELECT coalesce(sum(head - floor + 1), 0) FROM channel').pluck()
let stepping = false
let closing = false
let busy = false
let paused = false

function openIndex(): SearchIndex {
  const opened = new SearchIndex(cluster, openDatabase(searchFile, { role: 'writer', synchronous: 'NORMAL' }))
  try {
    opened.open()
    return opened
  } catch (error) {
    opened.close()
    throw error
  }
}

function openMended(): SearchIndex {
  try {
    return openIndex()
  } catch (error) {
    if (!isDamage(error)) throw error
    removeIndex()
    return openIndex()
  }
}

function removeIndex(): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${searchFile}${suffix}`, { force: true })
}

/** Uses the index; a damaged one is thrown away and made anew, for all that is in it is in cluster.db. */
function mended<T>(use: () => T): T {
  try {
    return use()
  } catch (error) {
    if (!isDamage(error)) throw error
    index.close()
    removeIndex()
    index = openIndex()
    stepSoon()
    return use()
  }
}

/** One chunk at a time, so that questions are answered in between. */
function stepSoon(afterMs = 0): void {
  if (stepping || closing) return
  stepping = true
  if (afterMs > 0) setTimeout(stepNow, afterMs).unref()
  else setImmediate(stepNow)
}

function stepNow(): void {
  stepping = false
  if (closing || paused) return
  const startedAt = performance.now()
  try {
    if (busy && indexPauseMs(index.lag(), 0) === null) return
    if (!mended(() => index.step())) return
    stepSoon(busy ? (indexPauseMs(index.lag(), performance.now() - startedAt) ?? 0) : 0)
  } catch (error) {
    // Reads go on without the newest entries in the index; what it lacks is shown as its lag.
    if (!isFull(error)) throw error
    setTimeout(() => stepSoon(), retryMs).unref()
  }
}

answerQuestions<ReaderQuestions>({
  answers: {
    page: (question) => pages.page(question),
    search: (question) => mended(() => index.search(question)),
    stats: () => ({
      messages: entryCount.get() as number,
      databaseBytes: pageCount.get() as number,
      searchLag: index.lag(),
    }),
    pauseIndex: (wanted) => {
      paused = wanted
      stepSoon()
      return null
    },
  },
  onTold: (message) => {
    busy = (message as Dirty).busy
    stepSoon()
  },
  close: () => {
    closing = true
    index.close()
    cluster.close()
  },
})
stepSoon()
