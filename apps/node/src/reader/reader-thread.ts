/** Answers reads that take time, and keeps the full-text index, away from the sockets and the writer. */
import { workerData } from 'node:worker_threads'
import { openDatabase } from '@holdfast/db'
import { answerQuestions } from '../platform/questions.ts'
import { Pages } from './pages.ts'
import type { Dirty, ReaderData, ReaderQuestions } from './protocol.ts'
import { SearchIndex } from './search-index.ts'

/** Entries that may wait for the index before it works although the node is busy. */
const tolerableLag = 200_000

const { databaseFile, searchFile } = workerData as ReaderData
const cluster = openDatabase(databaseFile, { role: 'reader' })
const searchDatabase = openDatabase(searchFile, { role: 'writer', synchronous: 'NORMAL' })
const index = new SearchIndex(cluster, searchDatabase)
index.open()
const pages = new Pages(cluster)
const pageCount = cluster
  .prepare('SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()')
  .pluck()
const entryCount = cluster.prepare('SELECT coalesce(sum(head - floor + 1), 0) FROM channel').pluck()
let stepping = false
let closing = false
let busy = false

/** One chunk at a time, so that questions are answered in between. */
function stepSoon(): void {
  if (stepping || closing) return
  stepping = true
  setImmediate(() => {
    stepping = false
    if (closing || (busy && index.lag() < tolerableLag)) return
    if (index.step()) stepSoon()
  })
}

answerQuestions<ReaderQuestions>({
  answers: {
    page: (question) => pages.page(question),
    search: (question) => index.search(question),
    stats: () => ({
      messages: entryCount.get() as number,
      databaseBytes: pageCount.get() as number,
      searchLag: index.lag(),
    }),
  },
  onTold: (message) => {
    busy = (message as Dirty).busy
    stepSoon()
  },
  close: () => {
    closing = true
    searchDatabase.close()
    cluster.close()
  },
})
stepSoon()
