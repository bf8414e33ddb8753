// The test runners: each returns how many of its tests passed, failed and were skipped, read from its own report.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pinnedNode, root, toolEnv } from './prepare.mjs'
import { run } from './run.mjs'

const reports = join(root, 'test-results')

/** A check that knows only good and bad counts as one test. */
async function check(command, args, options = {}) {
  const { status } = await run(command, args, { cwd: root, env: toolEnv(), show: true, ...options })
  return status === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 }
}

export const lint = () => check('biome', ['check', '--error-on-warnings', '.'])
export const typecheck = () => check('tsc', ['--noEmit', '-p', 'tsconfig.json'])
export const typecheckAdmin = () => check('tsc', ['--noEmit', '-p', 'apps/admin/tsconfig.json'])
/** Whether the database schemas are what their migrations make. */
export const drift = () =>
  check(pinnedNode, ['scripts/prisma.mjs', 'drift'], { cwd: join(root, 'packages/db') })

const vitestSums = (report) => ({
  passed: report.numPassedTests,
  // A file that cannot be loaded has no tests to fail, and must not vanish from the sum.
  failed:
    report.numFailedTests +
    report.testResults.filter((each) => each.status === 'failed' && each.assertionResults.length === 0)
      .length,
  skipped: report.numPendingTests + report.numTodoTests,
})

/** `npm run test:vm`; what it printed last is shown at its end, because others print meanwhile. */
export async function virtualMachine() {
  const file = freshReport('vm.json')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
  const { status, output } = await run(
    process.execPath,
    [join(root, 'scripts/test-appliance.mjs'), 'vm', ...reporters],
    { cwd: root },
  )
  console.log(output)
  return settle(status, readReport(file), vitestSums)
}

/** @param projects projects of vitest.config.ts; @param filters parts of file names */
export async function vitest(projects, filters) {
  const file = freshReport('vitest.json')
  const { status } = await run(
    'vitest',
    [
      'run',
      '--passWithNoTests',
      '--allowOnly=false',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${file}`,
      ...projects.flatMap((project) => ['--project', project]),
      ...filters,
    ],
    { cwd: root, env: toolEnv(), show: true },
  )
  return settle(status, readReport(file), vitestSums)
}

/** Names of the browser's test files. */
export function specFiles() {
  const folder = join(root, 'apps/admin/e2e')
  const names = existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : []
  return names.filter((name) => name.endsWith('.spec.ts'))
}

/** @param filters parts of file names */
export async function playwright(filters) {
  const file = freshReport('playwright.json')
  const { status } = await run('playwright', ['test', '--pass-with-no-tests', ...filters], {
    cwd: root,
    env: { ...toolEnv(), PLAYWRIGHT_JSON_OUTPUT_FILE: file },
    show: true,
  })
  return settle(status, readReport(file), ({ stats, errors }) => ({
    // A flaky test passed only when it was tried again, which is not good enough.
    passed: stats.expected,
    failed: stats.unexpected + stats.flaky + errors.length,
    skipped: stats.skipped,
  }))
}

function freshReport(name) {
  mkdirSync(reports, { recursive: true })
  rmSync(join(reports, name), { force: true })
  return join(reports, name)
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return null
  }
}

/** A runner that failed without naming a failed test, or without a report, counts as one failure. */
function settle(status, report, count) {
  const sum = report ? count(report) : { passed: 0, failed: 0, skipped: 0 }
  if ((status !== 0 || !report) && sum.failed === 0) sum.failed = 1
  return sum
}
