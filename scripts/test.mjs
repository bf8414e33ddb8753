// `npm test [-- NAME…]`: installs what is missing, runs every test, and ends with one line that sums them up.
// NAME is a runner (lint, typecheck, drift, unit, integration, e2e, vm) or part of a test file's name. The virtual machine
// runs beside the others; packages, which take a quarter of an hour, run only when they are named.
import { installPrograms } from './lib/debian.mjs'
import { prepare } from './lib/prepare.mjs'
import { StepError, seconds } from './lib/run.mjs'
import * as runners from './lib/runners.mjs'

const ordinary = ['lint', 'typecheck', 'drift', 'unit', 'integration', 'e2e', 'vm']
const names = [...ordinary, 'packages']
const wanted = process.argv.slice(2)
const option = wanted.find((name) => name.startsWith('-'))
if (option) {
  console.error(
    `${option} is not known: npm test [-- NAME…], NAME being ${names.join(', ')} or part of a file name`,
  )
  process.exit(2)
}

const selected = new Set(wanted.length === 0 ? ordinary : wanted.filter((name) => names.includes(name)))
const filters = wanted.filter((name) => !names.includes(name))
if (selected.size === 0) {
  // Only parts of names: every runner that has such a file.
  selected.add('unit').add('integration')
  const specs = runners.specFiles()
  if (filters.some((name) => specs.some((spec) => spec.includes(name)))) selected.add('e2e')
}

/** One line each in the closing table. */
const outcomes = []
await runAll()
report()

async function runAll() {
  // The admin's types come with its build, its tests run against it, and the node's tests serve it.
  const admin = ['typecheck', 'e2e', 'integration', 'packages'].some((name) => selected.has(name))
  const ready = await outcome('prepare', async () => {
    await prepare({
      admin: admin || selected.has('vm'),
      etcd: selected.has('integration') || selected.has('vm'),
    })
    await installPrograms([...selected, ...(selected.has('vm') ? ['image'] : [])])
    return null
  })
  if (!ready) return
  // An emulated machine keeps one core busy; the others share what is left.
  const machine = selected.has('vm') ? timed(runners.virtualMachine) : null
  // Told below, when its turn comes.
  machine?.catch(() => {})
  if (selected.has('lint')) await outcome('lint', runners.lint)
  if (selected.has('typecheck')) {
    await outcome('typecheck', runners.typecheck)
    await outcome('typecheck admin', runners.typecheckAdmin)
  }
  if (selected.has('drift')) await outcome('drift', runners.drift)
  const projects = ['unit', 'integration', 'packages'].filter((name) => selected.has(name))
  if (projects.length > 0) await outcome(projects.join(' + '), () => runners.vitest(projects, filters))
  if (selected.has('e2e')) await outcome('e2e', () => runners.playwright(filters))
  if (machine) await outcome('vm', () => machine)
}

/** The sum of what runs beside the others, with the time of its own instead of that of the wait for it. */
async function timed(work) {
  const startedAt = performance.now()
  const sum = await work()
  return { ...sum, tookMs: performance.now() - startedAt }
}

/** Runs one part and keeps its sum; what it throws is one failure. Returns whether the part could be run. */
async function outcome(name, work) {
  console.log(`\n== ${name}`)
  const startedAt = performance.now()
  try {
    const sum = await work()
    if (sum) outcomes.push({ name, tookMs: performance.now() - startedAt, ...sum })
    return true
  } catch (error) {
    console.error(error instanceof StepError ? error.message : error)
    outcomes.push({ name, passed: 0, failed: 1, skipped: 0, tookMs: performance.now() - startedAt })
    return false
  }
}

function report() {
  const total = { passed: 0, failed: 0, skipped: 0 }
  console.log('')
  for (const { name, tookMs, ...sum } of outcomes) {
    for (const key of Object.keys(total)) total[key] += sum[key]
    console.log(`${name.padEnd(20)}${line(sum)} (${seconds(tookMs)})`)
  }
  if (total.passed + total.failed + total.skipped === 0) {
    console.error(
      `no test matches ${wanted.join(' ')}: give a runner (${names.join(', ')}) or part of a file name`,
    )
    total.failed = 1
  }
  console.log(line(total))
  process.exitCode = total.failed > 0 ? 1 : 0
}

function line({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}
