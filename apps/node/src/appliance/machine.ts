/** Puts together what updates this kind of machine. */
import { DebianPackage } from './deb.ts'
import { LocalNode } from './local-node.ts'
import { PackageMachine } from './package-machine.ts'
import { PackageNode, PackageService } from './package-node.ts'
import type { AppliancePaths } from './paths.ts'
import { reboot, Slots } from './rauc.ts'
import { installs } from './release.ts'
import { runTool } from './tools.ts'
import { UpdateJournal } from './update-state.ts'
import { nodeService, Updater } from './updater.ts'

export interface Machine {
  paths: AppliancePaths
  journal: UpdateJournal
  updater: Updater
}

/** @param say takes what is told of the progress, a line at a time */
export function machine(paths: AppliancePaths, say: (line: string) => void): Machine {
  if (installs(paths) === 'deb') {
    const { updater } = packageMachine(paths, say)
    return { paths, journal: new UpdateJournal(paths.update), updater }
  }
  const journal = new UpdateJournal(paths.update)
  const updater = new Updater({
    paths,
    node: new LocalNode(paths),
    slots: new Slots(),
    journal,
    service: nodeService(runTool),
    reboot,
    say,
  })
  return { paths, journal, updater }
}

export function packageMachine(paths: AppliancePaths, say: (line: string) => void): PackageMachine {
  return new PackageMachine({
    paths,
    node: new PackageNode(paths, runTool),
    service: new PackageService(runTool),
    deb: new DebianPackage(runTool),
    journal: new UpdateJournal(paths.update),
    say,
  })
}
