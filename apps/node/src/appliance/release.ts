import { readFileSync } from 'node:fs'
import * as z from 'zod'
import { version as programVersion } from '../core.ts'
import type { AppliancePaths } from './paths.ts'

const releaseSchema = z.object({
  version: z.string().max(64),
  date: z.string().max(40),
  kind: z.enum(['appliance', 'package', 'container']),
})

/** What is installed on this machine. */
export interface Release {
  version: string
  date: string | null
  /** `appliance`: image with two slots; `package`: a .deb on a Debian machine; `program`: a checkout. */
  kind: 'appliance' | 'package' | 'container' | 'program'
}

export function readRelease(paths: AppliancePaths): Release {
  try {
    return releaseSchema.parse(JSON.parse(readFileSync(paths.release, 'utf8')))
  } catch {
    return { version: programVersion, date: null, kind: 'program' }
  }
}

export type Slot = 'A' | 'B'

/** The slot that the boot loader chose; null when this is no appliance. */
export function runningSlot(paths: AppliancePaths): Slot | null {
  try {
    const match = /(?:^| )rauc\.slot=([AB])(?: |$)/.exec(readFileSync(paths.commandLine, 'utf8').trim())
    return (match?.[1] as Slot | undefined) ?? null
  } catch {
    return null
  }
}

/** What of a bundle this installation can put in place by itself; null: nothing. */
export function installs(paths: AppliancePaths): 'image' | 'deb' | null {
  if (runningSlot(paths) !== null) return 'image'
  return readRelease(paths).kind === 'package' ? 'deb' : null
}

/** Architecture of this machine, as Debian calls it. */
export const debianArchitecture = process.arch === 'arm64' ? 'arm64' : 'amd64'
