import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { isProvisional, lanAddresses } from '../cluster/addresses.ts'
import type { MachineFacts } from './console-view.ts'
import { setupState } from './join-offer.ts'
import { appliancePort, type LocalNode } from './local-node.ts'
import type { AppliancePaths } from './paths.ts'
import { readRelease, runningSlot } from './release.ts'
import { UpdateJournal, type UpdateState } from './update-state.ts'

/** Gathers what the console shows; whatever cannot be read yet is null. */
export async function machineFacts(paths: AppliancePaths, node: LocalNode): Promise<MachineFacts> {
  const readiness = await node.readiness()
  const known = readiness.ready ? await wellKnown(node) : null
  return {
    version: readRelease(paths).version,
    slot: runningSlot(paths),
    hostName: hostname(),
    addresses: shownAddresses(),
    port: appliancePort,
    fault: readiness.ready ? null : readiness.reason,
    facility: known?.setUp ? (known.facility ?? null) : null,
    nodeName: known?.node?.name ?? null,
    caFingerprint: node.authority()?.fingerprint256 ?? null,
    setup: known?.setUp ? null : setupState(paths),
    setupCode: textOf(join(paths.node, 'setup-code')),
    update: updateSentence(new UpdateJournal(paths.update).current()),
  }
}

interface WellKnown {
  facility?: string
  setUp?: boolean
  node?: { name?: string }
}

async function wellKnown(node: LocalNode): Promise<WellKnown | null> {
  try {
    return JSON.parse((await node.get('/.well-known/holdfast')).body)
  } catch {
    return null
  }
}

/** Those that the machine gave to itself only where it has no other. */
function shownAddresses(): string[] {
  const all = lanAddresses()
  const lasting = all.filter((address) => !isProvisional(address))
  return lasting.length > 0 ? lasting : all
}

function textOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim() || null
  } catch {
    return null
  }
}

const sentences: Record<UpdateState['phase'], (state: UpdateState) => string> = {
  installed: ({ to }) => `${to} is installed and waits for a restart`,
  trial: ({ to }) => `${to} is on trial; clients are let in when it proves healthy`,
  confirmed: ({ from, to }) => `from ${from} to ${to}, done`,
  'rolled-back': ({ to, reason }) => `${to} was taken back: ${reason ?? 'no reason is known'}`,
  refused: ({ reason }) => `refused: ${reason ?? 'no reason is known'}`,
  failed: ({ reason }) => `failed: ${reason ?? 'no reason is known'}`,
}

export function updateSentence(state: UpdateState | null): string | null {
  return state === null ? null : sentences[state.phase](state)
}
