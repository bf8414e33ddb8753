import { setTimeout as sleep } from 'node:timers/promises'
import type { LocalNode } from './local-node.ts'
import type { Slots } from './rauc.ts'
import type { Slot } from './release.ts'
import type { RunTool } from './tools.ts'
import type { UpdateJournal } from './update-state.ts'

/** A slow machine migrates its databases in this time; longer is a failure. */
const patienceMs = 5 * 60_000
const stepMs = 2_000
/** One good answer may come from a process that is about to fall. */
const goodAnswers = 3

export interface HealthOptions {
  node: Pick<LocalNode, 'readiness'>
  slots: Pick<Slots, 'keepRunning' | 'giveUpRunning' | 'giveUpOther'>
  journal: UpdateJournal
  slot: Slot | null
  /** Lets clients in. */
  open: () => Promise<void>
  /** Starts the old version again; called when the new one is given up. */
  reboot: () => Promise<void>
  say: (line: string) => void
  /** For tests. */
  patienceMs?: number
  stepMs?: number
}

/**
 * Decides about the version that runs. After an update it is on trial: clients are let in only when it is healthy, so
 * that nothing it acknowledged can be lost when it is not; then it goes, and the machine starts the old version.
 * @returns whether the node is healthy
 */
export async function decideHealth(options: HealthOptions): Promise<boolean> {
  const { journal, slots, say } = options
  const state = journal.current()
  const trial = state?.phase === 'trial' && state.slot === options.slot
  if (!trial) await options.open()
  const outcome = await untilHealthy(options, trial)
  if (outcome === null) {
    await slots.keepRunning()
    // First: once it is confirmed clients come in at any start, and the other version may not read what they write.
    if (state !== null && state.phase !== 'installed')
      await slots
        .giveUpOther()
        .catch((error: Error) => say(`${error.message}; tried again at the next start`))
    if (trial) {
      await journal.enter({ ...state, phase: 'confirmed', reason: null })
      await options.open()
      say(`UPDATE-CONFIRMED ${state.from} to ${state.to}`)
    }
    say(`HEALTH-OK slot ${options.slot ?? '-'}`)
    return true
  }
  if (!trial) {
    say(`HEALTH-FAILED slot ${options.slot ?? '-'}: ${outcome}`)
    return false
  }
  await slots.giveUpRunning()
  await journal.enter({ ...state, reason: outcome.slice(0, 2000) })
  say(`HEALTH-FAILED slot ${options.slot ?? '-'}: ${outcome}; going back to ${state.from}`)
  await options.reboot()
  return false
}

/**
 * On trial it must take part in its cluster too: once confirmed there is no way back, and a version that cannot join would
 * stay one that cannot.
 * @returns null when healthy, else the last reason why not
 */
async function untilHealthy(options: HealthOptions, trial: boolean): Promise<string | null> {
  const deadline = performance.now() + (options.patienceMs ?? patienceMs)
  let reason = 'it was not asked'
  for (let good = 0; performance.now() < deadline; ) {
    const answer = await options.node.readiness()
    if (answer.ready && !(trial && answer.joined === false)) good += 1
    else if (answer.ready) {
      good = 0
      reason = 'it does not take part in its cluster'
    } else {
      good = 0
      reason = answer.reason
      if (answer.final === true) return reason
    }
    if (good === goodAnswers) return null
    await sleep(options.stepMs ?? stepMs)
  }
  return reason
}

/** The firewall of the appliance lets clients in to this port. */
export async function openPort(run: RunTool, port: number): Promise<void> {
  await run('nft', ['add', 'element', 'inet', 'filter', 'open_ports', `{ ${port} }`])
}
