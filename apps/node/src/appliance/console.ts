import { ConsoleScreen } from './console-screen.ts'
import { appliancePaths } from './paths.ts'

/** Runs the console on this terminal until it is ended. */
export async function runConsole(): Promise<void> {
  await new ConsoleScreen(appliancePaths(), process.stdin, process.stdout).run()
}
