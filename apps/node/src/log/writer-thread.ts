/** The one writer of cluster.db. In a thread of its own, so that an fsync never stops the sockets. */
import { parentPort, workerData } from 'node:worker_threads'
import { openDatabase } from '@holdfast/db'
import { StateMachine } from '../state/machine.ts'
import type { FromWriter, ToWriter, WriterData } from './writer-protocol.ts'

const port = parentPort
if (port === null) throw new Error('writer-thread.ts runs as a worker thread')
const { databaseFile, synchronous } = workerData as WriterData
const db = openDatabase(databaseFile, { role: 'writer', synchronous })
const machine = new StateMachine(db)
machine.load()
const tell = (message: FromWriter): void => port.postMessage(message)
tell({ t: 'ready', index: machine.index, chain: machine.chain.toString('hex') })

port.on('message', (text: ToWriter) => {
  if (text === null) {
    db.pragma('wal_checkpoint(TRUNCATE)')
    db.close()
    tell({ t: 'closed' })
    port.close()
    return
  }
  try {
    const { index, chain, at, outcomes, effects } = machine.apply(text)
    tell({ t: 'applied', index, chain: chain.toString('hex'), at, outcomes, effects })
  } catch (error) {
    const sqliteCode = (error as { code?: string }).code ?? ''
    const full = sqliteCode === 'SQLITE_FULL' || sqliteCode.startsWith('SQLITE_IOERR')
    tell({ t: 'failed', code: full ? 'disk-full' : 'internal', message: (error as Error).message })
  }
})
