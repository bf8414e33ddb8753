/** The two slots, through RAUC and its boot chooser. */
import * as z from 'zod'
import type { Bundle } from './bundle.ts'
import type { Slot } from './release.ts'
import { type RunTool, runTool } from './tools.ts'

/** Writing a slot on a slow disk. */
const installTimeoutMs = 30 * 60_000

const statusSchema = z.object({
  booted: z.string().nullish(),
  boot_primary: z.string().nullish(),
  slots: z.array(
    z.record(
      z.string(),
      z.object({ bootname: z.string().nullish(), state: z.string(), boot_status: z.string().nullish() }),
    ),
  ),
})

export interface SlotState {
  slot: Slot
  running: boolean
  good: boolean
}

export class Slots {
  readonly #run: RunTool

  constructor(run: RunTool = runTool) {
    this.#run = run
  }

  /** @throws ToolError */
  async states(): Promise<SlotState[]> {
    const status = statusSchema.parse(JSON.parse(await this.#run('rauc', ['status', '--output-format=json'])))
    return status.slots
      .flatMap((each) => Object.values(each))
      .filter((each) => each.bootname === 'A' || each.bootname === 'B')
      .map((each) => ({
        slot: each.bootname as Slot,
        running: each.state === 'booted',
        good: each.boot_status === 'good',
      }))
  }

  /** Writes the bundle's image into the slot that does not run; the choice at the next start does not change. */
  async install({ file }: Bundle): Promise<void> {
    await this.#run('rauc', ['install', file], { timeoutMs: installTimeoutMs })
  }

  /** The slot that does not run is started next, once; it stays only when it is marked good. */
  async activateOther(): Promise<void> {
    await this.#run('rauc', ['status', 'mark-active', 'other'])
  }

  /** The running slot is started from now on: `mark-good` alone would leave the other one first in the order. */
  async keepRunning(): Promise<void> {
    await this.#run('rauc', ['status', 'mark-active', 'booted'])
  }

  async giveUpRunning(): Promise<void> {
    await this.#run('rauc', ['status', 'mark-bad', 'booted'])
  }

  /** The other slot is not started any more: its version may not read the data. */
  async giveUpOther(): Promise<void> {
    await this.#run('rauc', ['status', 'mark-bad', 'other'])
  }
}

/** Starts the machine anew, after everything on disk. */
export async function reboot(run: RunTool = runTool): Promise<void> {
  await run('systemctl', ['--no-block', 'reboot'])
}
