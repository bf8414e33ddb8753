/** Takes FOLDER's lock, says so, and keeps it until it is killed. */
import { acquireLock } from '../lock.ts'

const [folder = ''] = process.argv.slice(2)
try {
  acquireLock(folder)
  console.log('held')
  setInterval(() => {}, 60_000)
} catch (error) {
  console.log(error instanceof Error ? `${error.name}: ${error.message}` : error)
}
