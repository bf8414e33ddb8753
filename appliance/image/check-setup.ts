/** Says of a set-up file what a machine would say of it: one line and exit code 1, or nothing and 0. */
import { readFileSync } from 'node:fs'
import { parseSetupFile } from '../../apps/node/src/appliance/setup-file.ts'

const [file = ''] = process.argv.slice(2)
try {
  parseSetupFile(readFileSync(file, 'utf8'), file)
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
