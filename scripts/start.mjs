// `npm start`: makes the checkout ready (nothing to do the second time) and becomes the node. What follows
// `npm start --` is handed to `holdfast serve`; `--demo` runs `holdfast demo` instead.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { join } from 'node:path'
import { prepare, root } from './lib/prepare.mjs'
import { StepError } from './lib/run.mjs'

const command = join(root, 'bin/holdfast')
const [first, ...rest] = process.argv.slice(2)
const args =
  first === '--demo'
    ? ['demo', ...rest]
    : ['serve', '--data', join(root, '.holdfast'), '--port', '7443', ...process.argv.slice(2)]

try {
  await prepare()
} catch (error) {
  console.error(error instanceof StepError ? error.message : error)
  process.exit(1)
}
become(args)

/** Replaces this process by the command where Node can (from 22.15 on), else waits for it and ends as it ends. */
function become(commandArgs) {
  if (process.execve) process.execve(command, [command, ...commandArgs], process.env)
  const child = spawn(command, commandArgs, { stdio: 'inherit' })
  // A terminal sends Ctrl-C to the whole group: the command has it already, and a second one would force it to stop.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'))
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => {
    console.error(`cannot run ${command}: ${error.message}`)
    process.exit(1)
  })
  child.on('exit', (status, signal) => process.exit(signal ? 128 + constants.signals[signal] : status))
}
