/** The one writer of cluster.db. In a thread of its own, so that an fsync never stops the sockets. */
import { closeSync, fsyncSync, openSync, statSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { databaseLimits, openDatabase } from '@holdfast/db'
import { type Applied, StateMachine } from '../state/machine.ts'
import { type LogEntry, LogGapError } from '../state/sequencer.ts'
import { decodeEntry } from './etcd/batch-codec.ts'
import type { AppliedBatch, EncodedEntry, FromWriter, ToWriter, WriterData } from './writer-protocol.ts'

const port = parentPort
if (port === null) throw new Error('writer-thread.ts runs as a worker thread')
const { databaseFile, synchronous, nodeId } = workerData as WriterData
const db = openDatabase(databaseFile, { role: 'writer', synchronous })
const machine = new StateMachine(db)
machine.load()
const tell = (message: FromWriter): void => port.postMessage(message)
tell({ t: 'ready', index: machine.index, chain: machine.chain.toString('hex'), position: machine.position })

/** The watch whose entries cannot be applied any more, because an earlier one of it was not. */
let brokenWatch: number | null = null

port.on('message', (message: ToWriter) => {
  if (typeof message === 'string') attempt(0, () => applied(0, [machine.apply(message)]))
  else if (message.t === 'entries') {
    const { watch, entries } = message
    if (watch !== brokenWatch)
      attempt(watch, () => applied(watch, machine.applyEntries(entries.map(decoded))))
  } else if (message.t === 'adopt') {
    attempt(0, () => {
      const { generation, revision, survivor } = message
      machine.adopt(generation, { revision, versions: machine.position?.versions ?? {}, survivor })
      if (machine.position !== null) tell({ t: 'adopted', position: machine.position })
    })
  } else if (message.t === 'flush') attempt(0, flush)
  else if (message.t === 'hold-checkpoints') holdCheckpoints(message.held)
  else {
    if (shrinking) clearInterval(shrinking)
    db.pragma('wal_checkpoint(TRUNCATE)')
    db.close()
    tell({ t: 'closed' })
    port.close()
  }
})

const decoded = ({ value, ...entry }: EncodedEntry): LogEntry => ({ ...entry, text: decodeEntry(value) })

function applied(watch: number, batches: readonly Applied[]): void {
  tell({ t: 'applied', watch, batches: batches.map(view), revision: machine.position?.revision ?? 0 })
}

function view({ batch, index, chain, at, outcomes, effects }: Applied): AppliedBatch {
  return {
    origin: batch.o,
    epoch: batch.e ?? 0,
    no: batch.n,
    index,
    chain: chain.toString('hex'),
    at,
    commands: outcomes.length,
    outcomes: batch.o === nodeId ? outcomes : [],
    effects,
  }
}

/**
 * With synchronous=NORMAL a commit is in the WAL file but perhaps not yet on the disk. SQLite syncs the database before
 * it begins the WAL anew, so what the WAL file holds now is all that is missing.
 */
function flush(): void {
  const { index, position } = machine
  const wal = openSync(`${databaseFile}-wal`, 'r+')
  try {
    fsyncSync(wal)
  } finally {
    closeSync(wal)
  }
  tell({ t: 'flushed', index, revision: position?.revision ?? 0 })
}

/** How a write-ahead log that grew while the database was copied is cut back: a piece at a time, as cutting takes time. */
const shrinkBytes = 16 * 1024 * 1024
const shrinkMs = 2000
let shrinking: NodeJS.Timeout | null = null

function holdCheckpoints(held: boolean): void {
  if (shrinking) clearInterval(shrinking)
  shrinking = null
  db.pragma(`wal_autocheckpoint = ${held ? 0 : databaseLimits.checkpointPages}`)
  db.pragma('journal_size_limit = -1')
  if (held) return
  let limit = statSync(`${databaseFile}-wal`, { throwIfNoEntry: false })?.size ?? 0
  shrinking = setInterval(() => {
    limit = Math.max(databaseLimits.walBytes, limit - shrinkBytes)
    db.pragma(`journal_size_limit = ${limit}`)
    if (limit > databaseLimits.walBytes || shrinking === null) return
    clearInterval(shrinking)
    shrinking = null
  }, shrinkMs)
}

function attempt(watch: number, work: () => void): void {
  try {
    work()
  } catch (error) {
    if (watch !== 0) brokenWatch = watch
    if (error instanceof LogGapError) {
      tell({ t: 'gap', watch, message: error.message })
      return
    }
    const sqliteCode = (error as { code?: string }).code ?? ''
    const full =
      sqliteCode === 'SQLITE_FULL' || sqliteCode.startsWith('SQLITE_IOERR') || sqliteCode === 'ENOSPC'
    tell({ t: 'failed', watch, code: full ? 'disk-full' : 'internal', message: (error as Error).message })
  }
}
