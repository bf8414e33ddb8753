/**
 * What an update on this machine has come to. An update goes through these states, each stored before the work that
 * it stands for goes on, so that a power cut at any moment leaves one that the next start can settle:
 *
 *   installed    the other slot holds the new version; the databases of the old one are copied when it changes them
 *   trial        the new version runs, and no client reaches it yet
 *   confirmed    it proved healthy and stays
 *   rolled-back  the old version runs again, with its own databases
 *   refused      the bundle was not taken; `failed`: it was, and something broke while it was written
 */
import { appendFileSync, closeSync, existsSync, fsyncSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { atomicWriteFile, ensureDir } from '../platform/files.ts'

export const updatePhases = ['installed', 'trial', 'confirmed', 'rolled-back', 'refused', 'failed'] as const
export type UpdatePhase = (typeof updatePhases)[number]

const stateSchema = z.object({
  id: z.string().max(64),
  phase: z.enum(updatePhases),
  from: z.string().max(64),
  to: z.string().max(64),
  /** Slot of the new version; null where there are no slots. */
  slot: z.enum(['A', 'B']).nullable(),
  /** Folder with the databases of the old version; null when the new one does not change them. */
  snapshot: z.string().max(4096).nullable(),
  /** Why it ended as it did, for people. */
  reason: z.string().max(2000).nullable(),
  /** Person or program that asked. */
  by: z.string().max(200),
  /** Milliseconds since 1970 of the last change. */
  at: z.number(),
})
export type UpdateState = z.infer<typeof stateSchema>

/** Lines that are read back; older ones stay in the file. */
const maxHistory = 500
/** Everybody may read what was updated; only root changes it. */
const readableFile = 0o644
const readableFolder = 0o755

export class UpdateJournal {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  get #stateFile(): string {
    return join(this.#folder, 'state.json')
  }

  get #historyFile(): string {
    return join(this.#folder, 'history.jsonl')
  }

  /** The newest update; null when there was none. */
  current(): UpdateState | null {
    return existsSync(this.#stateFile)
      ? stateSchema.parse(JSON.parse(readFileSync(this.#stateFile, 'utf8')))
      : null
  }

  /** Stores a state, and adds it to the history; both are on disk when this returns. */
  async enter(state: Omit<UpdateState, 'at'>, nowMs: number = Date.now()): Promise<UpdateState> {
    // Entries are told apart and ordered by their times, also on a machine whose clock was set back.
    const last = this.current()?.at ?? 0
    const stored = stateSchema.parse({ ...state, at: Math.max(nowMs, last + 1) })
    await ensureDir(this.#folder, readableFolder)
    const line = openSync(this.#historyFile, 'a', readableFile)
    try {
      appendFileSync(line, `${JSON.stringify(stored)}\n`)
      fsyncSync(line)
    } finally {
      closeSync(line)
    }
    await atomicWriteFile(this.#stateFile, `${JSON.stringify(stored)}\n`, readableFile)
    return stored
  }

  /** Everything that happened, oldest first; a line that a power cut left half is passed over. */
  history(): UpdateState[] {
    if (!existsSync(this.#historyFile)) return []
    const lines = readFileSync(this.#historyFile, 'utf8').split('\n').filter(Boolean)
    return lines.slice(-maxHistory).flatMap((line) => {
      try {
        return [stateSchema.parse(JSON.parse(line))]
      } catch {
        return []
      }
    })
  }
}
