// `npm run test:vm` and `npm run test:release`: builds what is missing, then starts virtual machines.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { installPrograms } from './lib/debian.mjs'
import { pinnedNode, prepare, root, toolEnv } from './lib/prepare.mjs'
import { run, StepError } from './lib/run.mjs'

const [project, ...filters] = process.argv.slice(2)
try {
  if (project !== 'vm' && project !== 'release') throw new StepError('give which tests to run: vm or release')
  await prepare({ etcd: true })
  await installPrograms(['vm'])
  await image()
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const config = join(root, 'appliance/test/vitest.config.ts')
  const { status } = await run(
    pinnedNode,
    [vitest, 'run', '--config', config, '--project', project, '--allowOnly=false', ...filters],
    { cwd: root, env: toolEnv(), show: true },
  )
  process.exitCode = status
} catch (error) {
  console.error(error instanceof StepError ? error.message : error)
  process.exit(1)
}

/** The tests start what `npm run appliance:image` made; HOLDFAST_IMAGE=keep takes one that is there already. */
async function image() {
  const out = join(root, '.appliance/out')
  const there = existsSync(out) && readdirSync(out).some((name) => /^holdfast-\d.*\.raw$/.test(name))
  if (there && process.env.HOLDFAST_IMAGE === 'keep') return
  const { main } = await import('../appliance/image/build.mjs')
  await main(project === 'vm' ? ['--formats', 'raw'] : [])
}
