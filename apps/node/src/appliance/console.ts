import { closeSync, constants, openSync } from 'node:fs'
import { ReadStream, WriteStream } from 'node:tty'
import { ConsoleScreen } from './console-screen.ts'
import { appliancePaths } from './paths.ts'

/** Runs the console on these terminals until it is ended; one that is not there is passed over. */
export async function runConsole(terminals: readonly string[]): Promise<void> {
  const screens = terminals.flatMap((path) => {
    const terminal = openTerminal(path)
    return terminal === null ? [] : [new ConsoleScreen(appliancePaths(), terminal.input, terminal.output)]
  })
  if (screens.length === 0) throw new Error(`none of ${terminals.join(', ')} can be opened as a terminal`)
  await Promise.all(screens.map((screen) => screen.run()))
}

/** Not as the controlling terminal: no key sends a signal. */
function openTerminal(path: string): { input: ReadStream; output: WriteStream } | null {
  const flags = constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK
  const opened: number[] = []
  try {
    const [read, write] = [openSync(path, flags), openSync(path, flags)]
    opened.push(read, write)
    const input = new ReadStream(read)
    const output = new WriteStream(write)
    // A line that is not connected reports errors; the other terminals go on.
    for (const stream of [input, output]) stream.on('error', () => stream.destroy())
    return { input, output }
  } catch {
    for (const descriptor of opened) closeSync(descriptor)
    return null
  }
}
