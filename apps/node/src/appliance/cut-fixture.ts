/** Power cuts in tests of updates. */
import type { AppliancePaths } from './paths.ts'
import { UpdateJournal } from './update-state.ts'

export class PowerCut extends Error {}

/** What throws a `PowerCut` in one of its steps. */
interface Cut {
  paths: AppliancePaths
  step(): void
}

/** A journal before and after whose writes the power can be cut, too. */
export class CutJournal extends UpdateJournal {
  readonly #machine: Cut

  constructor(machine: Cut) {
    super(machine.paths.update)
    this.#machine = machine
  }

  override async enter(...args: Parameters<UpdateJournal['enter']>): ReturnType<UpdateJournal['enter']> {
    this.#machine.step()
    const state = await super.enter(...args)
    this.#machine.step()
    return state
  }
}
