// `npm run test:chaos -- [--seed N] [--minutes N] [--only REGEX]`: installs what is missing, then breaks a cluster in every
// way for as long as one wants.
import { join } from 'node:path'
import { installPrograms } from './lib/debian.mjs'
import { pinnedNode, prepare, root, toolEnv } from './lib/prepare.mjs'
import { run, StepError } from './lib/run.mjs'

try {
  await prepare({ admin: false, etcd: true })
  await installPrograms(['integration'])
  const program = join(root, 'apps/node/test/chaos/run-chaos.ts')
  const { status } = await run(pinnedNode, [program, ...process.argv.slice(2)], {
    cwd: root,
    env: toolEnv(),
    show: true,
  })
  process.exitCode = status ?? 1
} catch (error) {
  console.error(error instanceof StepError ? `test:chaos: ${error.message}` : error)
  process.exitCode = 1
}
