/** Has the node of this machine join the cluster whose code was offered, and asks again while that cannot be done yet. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { invitationMinutes } from '@holdfast/api/contract/cluster-inputs'
import type { ErrorCode } from '@holdfast/api/contract/errors'
import { dropJoinOffer, noteSetup, readJoinOffer } from './join-offer.ts'
import type { LocalNode } from './local-node.ts'
import { LocalNodeError } from './local-node.ts'
import type { AppliancePaths } from './paths.ts'
import type { JoinSetup } from './setup-file.ts'

/** No code is good for longer. */
const patienceMs = invitationMinutes.most * 60_000
const stepMs = { first: 2_000, most: 60_000 } as const
/** The cluster answers late while it elects a leader or takes another node in (`admission.ts`). */
const joinMs = 5 * 60_000

/** What no other try with the same code mends; a name that is taken can be set free in the cluster. */
const finalCodes: readonly ErrorCode[] = ['wrong-code', 'bad-request', 'forbidden']

export interface JoinUnattendedOptions {
  paths: AppliancePaths
  node: Pick<LocalNode, 'mutate' | 'readiness'>
  /** Addresses under which the others may reach this machine. */
  addresses: () => readonly string[]
  say: (line: string) => void
  /** For tests. */
  patienceMs?: number
  stepMs?: { first: number; most: number }
}

/**
 * Each reason to wait is said once.
 * @returns whether the node belongs to the cluster; null: nothing was offered, or a person was faster
 */
export async function joinUnattended(options: JoinUnattendedOptions): Promise<boolean | null> {
  const { paths, say } = options
  const offer = readJoinOffer(paths)
  if (offer === null) return null
  const steps = options.stepMs ?? stepMs
  const deadline = performance.now() + (options.patienceMs ?? patienceMs)
  let told = ''
  for (let waitMs = steps.first; ; waitMs = Math.min(waitMs * 2, steps.most)) {
    const outcome = await tryOnce(offer, options)
    if (outcome.kind === 'waits' && performance.now() + waitMs < deadline) {
      if (outcome.reason !== told) {
        say(`JOIN-WAITS ${outcome.reason}`)
        await noteSetup(paths, `waits: ${outcome.reason}`)
      }
      told = outcome.reason
      await sleep(waitMs)
      continue
    }
    dropJoinOffer(paths)
    if (outcome.kind === 'joined') {
      say(`JOINED ${outcome.facility}, node ${offer.nodeName}`)
      await noteSetup(paths, `done: ${outcome.facility}`)
      return true
    }
    if (outcome.kind === 'set-up') return null
    const again = 'Make a new code with holdfast cluster invite and start the machine with it'
    say(`JOIN-REFUSED ${outcome.reason} ${again}, or set it up in a browser.`)
    await noteSetup(paths, `refused: ${outcome.reason}`)
    return false
  }
}

type Outcome =
  | { kind: 'joined'; facility: string }
  | { kind: 'set-up' }
  | { kind: 'waits' | 'refused'; reason: string }

async function tryOnce(
  offer: JoinSetup,
  { paths, node, addresses }: JoinUnattendedOptions,
): Promise<Outcome> {
  if (addresses().length === 0)
    return { kind: 'waits', reason: 'This machine has no address: see to its network cable and to DHCP.' }
  const readiness = await node.readiness()
  if (!readiness.ready) return { kind: 'waits', reason: `The node does not serve yet: ${readiness.reason}.` }
  const setupCode = setupCodeOf(paths)
  // The daemon removes it when the node is set up.
  if (setupCode === null) return { kind: 'set-up' }
  const { join: code, nodeName, address } = offer
  try {
    const input = { setupCode, code, nodeName, ...(address === undefined ? {} : { address }) }
    const { facility } = (await node.mutate('cluster.join', input, joinMs)) as { facility: string }
    return { kind: 'joined', facility }
  } catch (error) {
    if (error instanceof LocalNodeError && error.code === 'already-set-up') return { kind: 'set-up' }
    const final = error instanceof LocalNodeError && finalCodes.includes(error.code)
    return { kind: final ? 'refused' : 'waits', reason: (error as Error).message }
  }
}

function setupCodeOf(paths: AppliancePaths): string | null {
  try {
    return readFileSync(join(paths.node, 'setup-code'), 'utf8').trim() || null
  } catch {
    return null
  }
}
