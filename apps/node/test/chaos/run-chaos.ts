/** `npm run test:chaos`: chaos on a cluster for as long as one wants, with a table at the end. */
import { mkdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type FaultName, faultNames } from '../lab/fault-kinds.ts'
import type { VerifyReport } from '../lab/verify.ts'
import { runChaos } from './cluster-chaos.ts'

const usage = `usage: npm run test:chaos -- [--seed N] [--minutes N] [--only REGEX] [--logs FOLDER]
  --seed N       gives the same schedule again; a random one when absent
  --minutes N    how long faults come; 30 when absent
  --only REGEX   only faults whose name matches: ${faultNames.join(', ')}
  --logs FOLDER  keeps what the nodes and the writers' connections did, in detail, there`
const usageExitCode = 2

function options(): { seed: number; minutes: number; only: string; faults: FaultName[]; logs?: string } {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      minutes: { type: 'string' },
      only: { type: 'string' },
      logs: { type: 'string' },
    },
  })
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
  const minutes = Number(values.minutes ?? 30)
  const only = new RegExp(values.only ?? '')
  const faults = faultNames.filter((name) => only.test(name))
  if (!Number.isSafeInteger(seed) || seed < 0) throw new Error('--seed is a whole number from 0')
  if (!(minutes > 0)) throw new Error('--minutes is a number above 0')
  if (faults.length === 0) throw new Error(`no fault matches ${values.only}`)
  return { seed, minutes, only: values.only ?? '', faults, ...(values.logs && { logs: values.logs }) }
}

function parsed(): ReturnType<typeof options> {
  try {
    return options()
  } catch (error) {
    console.error(`test:chaos: ${(error as Error).message}\n${usage}`)
    process.exit(usageExitCode)
  }
}

const say = (line: string) => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`)
const verdict = (which: string, report: VerifyReport) => {
  const { ok, faults, lostByPhase: _, doubledByPhase: __, ...counts } = report
  const found = Object.entries(counts).map(([name, count]) => `${name} ${count}`)
  console.log(`${which}: ${ok ? 'all is well' : 'NOT well'}: ${found.join(', ')}`)
  for (const fault of faults) console.log(`  ${fault}`)
}

const { seed, minutes, only, faults, logs } = parsed()
if (logs) {
  mkdirSync(logs, { recursive: true })
  process.env.HOLDFAST_LOG_LEVEL ??= 'debug'
}
try {
  const result = await runChaos({
    seed,
    durationMs: minutes * 60_000,
    faults,
    onLine: say,
    ...(logs && { logs }),
  })
  console.log(`\n${result.table}\n`)
  const { session, device, notYetKnown } = result.revocations
  console.log(`ended at one node, cut off at each after: session ${session} ms, device ${device} ms`)
  if (notYetKnown > 0) console.log(`a node refused a session of another one as unknown: ${notYetKnown} times`)
  verdict('the nodes while they ran', result.running)
  verdict('what they left on disk', result.stopped)
  if (!result.running.ok || !result.stopped.ok) process.exitCode = 1
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
const filter = only === '' ? '' : ` --only '${only}'`
console.log(`once more: npm run test:chaos -- --seed ${seed} --minutes ${minutes}${filter}`)
