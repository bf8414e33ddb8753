import { setTimeout as later } from 'node:timers/promises'
import { type Field, faultKinds } from './fault-kinds.ts'
import type { LoadProcess } from './load-process.ts'
import type { PhaseReport } from './load-record.ts'
import type { TimedFault } from './schedule.ts'
import type { VerifyReport } from './verify.ts'

/** What happened from the time a fault began until every writer was acknowledged again. */
export interface FaultOutcome {
  fault: TimedFault
  /** In words, with the node that it met. */
  what: string
  /** Phase of the load. */
  phase: number
  load: PhaseReport
  /** The time before it, since the fault before. */
  calm: PhaseReport
  /** From the end of the fault until every writer was acknowledged. */
  recoveryMs: number
}

/**
 * Breaks and heals by the schedule while the load sends, one fault at a time. A fault that takes longer to recover from
 * moves those after it.
 * @throws Error that names the fault which could not be broken, healed or recovered from
 */
export async function runSchedule(options: {
  field: Field
  load: LoadProcess
  schedule: readonly TimedFault[]
  /** Phases of the load that are over. */
  phasesBefore?: number
  onOutcome?(outcome: FaultOutcome): void
}): Promise<FaultOutcome[]> {
  const { field, load, schedule, phasesBefore = 0, onOutcome } = options
  const startedAt = performance.now()
  const outcomes: FaultOutcome[] = []
  let phase = phasesBefore
  for (const fault of schedule) {
    await later(Math.max(0, startedAt + fault.atMs - performance.now()))
    // What was before a fault is not counted for it.
    const calm = await load.phase()
    phase += 1
    try {
      const broken = await faultKinds[fault.name].break(field, fault.values)
      await later(fault.durationMs)
      await broken.heal()
      const healedAt = performance.now()
      await load.recovered()
      const recoveryMs = Math.round(performance.now() - healedAt)
      outcomes.push({ fault, what: broken.what, phase, load: await load.phase(), calm, recoveryMs })
      phase += 1
    } catch (error) {
      throw new Error(`${describeFault(fault)}: ${(error as Error).message}`, { cause: error })
    }
    onOutcome?.(outcomes.at(-1)!)
  }
  return outcomes
}

export function describeFault({ name, durationMs, values }: TimedFault): string {
  const given = Object.entries(values).map(([key, value]) => `${key} ${value}`)
  return `${name} for ${(durationMs / 1000).toFixed(1)} s (${given.join(', ')})`
}

const headings = [
  'fault',
  'what',
  'acknowledged',
  'lost',
  'doubled',
  'gap ms',
  'writer gap ms',
  'recovery ms',
  'calm gap ms',
  'p99 ms',
]
const textColumns = 2

/** One line about an outcome, while the run goes on. */
export function describeOutcome({ fault, what, load, calm, recoveryMs }: FaultOutcome): string {
  const gaps = `gap ${load.longestGapMs} ms, of one writer ${load.longestWriterGapMs} ms, in the calm before ${calm.longestWriterGapMs} ms`
  return `${describeFault(fault)}: ${what}; acknowledged ${load.acknowledged}, ${gaps}, recovery ${recoveryMs} ms`
}

/** A table of the outcomes with what the check found, and a last line for the whole run. */
export function outcomeTable(outcomes: readonly FaultOutcome[], report: VerifyReport): string {
  const rows = outcomes.map(({ fault, what, phase, load, calm, recoveryMs }) => [
    fault.name,
    what,
    load.acknowledged,
    report.lostByPhase[phase] ?? 0,
    report.doubledByPhase[phase] ?? 0,
    load.longestGapMs,
    load.longestWriterGapMs,
    recoveryMs,
    calm.longestWriterGapMs,
    load.p99Ms,
  ])
  const longest = (values: number[]) => Math.max(0, ...values)
  const sum = [
    'all',
    `${outcomes.length} faults and the calm between`,
    report.acknowledged,
    report.lost,
    report.doubled,
    longest(outcomes.map(({ load }) => load.longestGapMs)),
    longest(outcomes.map(({ load }) => load.longestWriterGapMs)),
    longest(outcomes.map(({ recoveryMs }) => recoveryMs)),
    longest(outcomes.map(({ calm }) => calm.longestWriterGapMs)),
    longest(outcomes.map(({ load }) => load.p99Ms)),
  ]
  const table = [headings, ...rows, sum].map((row) => row.map(String))
  const widths = headings.map((_, column) => Math.max(...table.map((row) => row[column]!.length)))
  const pad = (text: string, column: number) =>
    column < textColumns ? text.padEnd(widths[column]!) : text.padStart(widths[column]!)
  return table.map((row) => row.map(pad).join('  ').trimEnd()).join('\n')
}
