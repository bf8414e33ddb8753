/** Answers reads that take time, and keeps the full-text index, away from the sockets and the writer. */
import { existsSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { openDatabase } from '@holdfast/db'
import { Pages } from './pages.ts'
import type { FromReader, QuestionName, Questions, ReaderData, ToReader } from './protocol.ts'
import { SearchIndex } from './search-index.ts'

const port = parentPort
if (port === null) throw new Error('reader-thread.ts runs as a worker thread')
const { databaseFile, searchFile } = workerData as ReaderData
const cluster = openDatabase(databaseFile, { role: 'reader' })
const searchDatabase = openDatabase(searchFile, { role: 'writer', synchronous: 'NORMAL' })
const index = new SearchIndex(cluster, searchDatabase)
index.open()
const pages = new Pages(cluster)
const rows = cluster.prepare('SELECT seq, event, hash FROM audit_event WHERE seq >= ? ORDER BY seq LIMIT ?')
const pageCount = cluster.prepare(
  'SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()',
)
const entryCount = cluster.prepare('SELECT coalesce(sum(head - floor + 1), 0) AS n FROM channel')

type Answers = {
  [N in QuestionName]: (
    question: Questions[N]['question'],
  ) => Questions[N]['answer'] | Promise<Questions[N]['answer']>
}
const answers: Answers = {
  page: (question) => pages.page(question),
  search: (question) => index.search(question),
  stats: () => ({
    messages: (entryCount.get() as { n: number }).n,
    databaseBytes: (pageCount.get() as { bytes: number }).bytes,
    searchLag: index.lag(),
  }),
  auditRows: ({ fromSeq, limit }) => rows.all(fromSeq, limit) as Questions['auditRows']['answer'],
  auditVerify: async (question) => {
    const { verifyAudit } = await import('../services/audit/verify.ts')
    if (!existsSync(question.directory)) throw new Error(`the audit folder ${question.directory} is missing`)
    return verifyAudit(question)
  },
}

const tell = (message: FromReader): void => port.postMessage(message)
let stepping = false
let closing = false
let busy = false
/** Entries that may wait for the index before it works although the node is busy. */
const tolerableLag = 200_000

function stepSoon(): void {
  if (stepping || closing) return
  stepping = true
  setImmediate(() => {
    stepping = false
    if (closing || (busy && index.lag() < tolerableLag)) return
    if (index.step()) stepSoon()
  })
}

async function answer(id: number, name: QuestionName, question: unknown): Promise<void> {
  try {
    tell({ t: 'answer', id, answer: await (answers[name] as (q: unknown) => unknown)(question) })
  } catch (error) {
    tell({ t: 'error', id, message: (error as Error).message })
  }
}

port.on('message', (message: ToReader) => {
  if (message.t === 'ask') {
    void answer(message.id, message.name, message.question)
  } else if (message.t === 'dirty') {
    busy = message.busy
    stepSoon()
  } else {
    closing = true
    searchDatabase.close()
    cluster.close()
    tell({ t: 'closed' })
    port.close()
  }
})
tell({ t: 'ready' })
stepSoon()
