// `npm run bench -- SUITE [options]`: runs bench/SUITE.ts on the workspace's own Node.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const requiredMajor = 24
const [suite, ...options] = process.argv.slice(2)

if (Number(process.versions.node.split('.')[0]) !== requiredMajor) {
  const node = join(root, `node_modules/node-linux-${process.arch}/bin/node`)
  const run = spawnSync(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
  })
  if (run.error) console.error(`bench: cannot run ${node}: ${run.error.message}; run npm install first`)
  process.exit(run.status ?? 1)
}

const suites = readdirSync(join(root, 'bench'))
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.slice(0, -'.ts'.length))
  .sort()
if (!suite || !suites.includes(suite)) {
  console.error(`usage: npm run bench -- SUITE [options]; suites: ${suites.join(', ')}`)
  process.exit(2)
}

const script = join(root, 'bench', `${suite}.ts`)
process.argv = [process.argv[0], script, ...options]
process.chdir(root)
try {
  await import(pathToFileURL(script).href)
} catch (error) {
  // A BenchError explains itself in one line; anything else is a defect of the bench and shows its stack.
  console.error(error?.name === 'BenchError' ? `bench: ${error.message}` : error)
  process.exit(1)
}
