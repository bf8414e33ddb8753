/** Migrates FILE by FOLDER, whose SQL may call die(): the process then kills itself as `kill -9` would. */
import { migrate } from '../migrate.ts'
import { openDatabase } from '../open.ts'

const [file = '', folder = ''] = process.argv.slice(2)
const db = openDatabase(file, { role: 'writer' })
// A cache of two pages makes SQLite write pages of the open transaction to the log, as a big migration does.
db.pragma('cache_size = 2')
db.function('die', { directOnly: false }, () => {
  process.kill(process.pid, 'SIGKILL')
  return 0
})
migrate(db, folder)
console.log('survived')
