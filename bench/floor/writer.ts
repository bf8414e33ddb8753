// The floor's writer thread: one transaction for everything that arrived while the last one was on its way to disk.
import { parentPort, workerData } from 'node:worker_threads'
import Database from 'better-sqlite3'
import type { Row } from './server.ts'

const database = new Database(workerData.file)
database.pragma('journal_mode = WAL')
database.pragma('synchronous = FULL')
database.exec(`
  CREATE TABLE message(
    channel TEXT, seq INTEGER, id TEXT, sender TEXT, body TEXT, at INTEGER, PRIMARY KEY(channel, seq)
  ) WITHOUT ROWID;
  CREATE UNIQUE INDEX message_id ON message(sender, id);
`)
const insert = database.prepare('INSERT INTO message VALUES(?, ?, ?, ?, ?, ?)')
const lastSeq = new Map<string, number>()

const write = database.transaction((rows: Row[]) =>
  rows.map(({ channel, id, sender, body, at }) => {
    const seq = (lastSeq.get(channel) ?? 0) + 1
    lastSeq.set(channel, seq)
    insert.run(channel, seq, id, sender, body, at)
    return seq
  }),
)

parentPort!.on('message', (rows: Row[]) => parentPort!.postMessage(write(rows)))
