import { open } from 'node:fs/promises'
import { CommandError } from './errors.ts'

/**
 * The text of a file that is expected to be short.
 * @param what is in it, for the message
 * @throws CommandError when it cannot be read, or is longer
 */
export async function readShortFile(path: string, maxBytes: number, what: string): Promise<string> {
  try {
    await using file = await open(path, 'r')
    const { size } = await file.stat()
    if (size > maxBytes) throw new CommandError(`${path} holds no ${what}: it has ${size} bytes.`)
    return await file.readFile('utf8')
  } catch (cause) {
    if (cause instanceof CommandError) throw cause
    throw new CommandError(`The file ${path} cannot be read: ${(cause as Error).message}.`, { cause })
  }
}

/** A new file that only its owner can read. @throws CommandError also when there is a file of this name */
export async function newFile(path: string) {
  try {
    return await open(path, 'wx', 0o600)
  } catch (cause) {
    throw new CommandError(`The file ${path} cannot be made: ${(cause as Error).message}.`, { cause })
  }
}
