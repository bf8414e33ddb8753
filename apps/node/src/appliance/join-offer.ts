/**
 * The way of an unattended join: 1 before the daemon, `unattended.ts` takes the code from the credential or the stick and
 * leaves it here · 2 beside the daemon, `join-unattended.ts` has the daemon join with it · 3 the console shows what came of
 * it. Both files are in memory and root's: the code does not last, and each start of the machine begins anew.
 */
import { readFileSync, rmSync } from 'node:fs'
import { atomicWriteFile } from '../platform/files.ts'
import type { AppliancePaths } from './paths.ts'
import { type JoinSetup, joinSchema } from './setup-file.ts'

export async function leaveJoinOffer(paths: AppliancePaths, offer: JoinSetup): Promise<void> {
  await atomicWriteFile(paths.joinOffer, JSON.stringify(offer))
}

/** Null when there is none. */
export function readJoinOffer(paths: AppliancePaths): JoinSetup | null {
  const text = textOf(paths.joinOffer)
  return text === null ? null : joinSchema.parse(JSON.parse(text))
}

export function dropJoinOffer(paths: AppliancePaths): void {
  rmSync(paths.joinOffer, { force: true })
}

/** Keeps for the console what a set-up without a person has come to. */
export async function noteSetup(paths: AppliancePaths, line: string): Promise<void> {
  await atomicWriteFile(paths.setupState, `${line}\n`)
}

/** What it has come to; null: none was offered. */
export function setupState(paths: AppliancePaths): string | null {
  return textOf(paths.setupState)?.trim() || null
}

function textOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}
