import { readFile, stat } from 'node:fs/promises'
import { inspect } from 'node:util'
import { ConfigError } from './errors.ts'

/** The largest file that is read as a secret; private keys and passwords are far smaller. */
const secretFileBytes = 64 * 1024
const hidden = '[secret]'

/** A secret that shows itself only where `reveal()` is called: not in logs, JSON, errors or a debugger's print. */
export class Secret {
  readonly #value: string
  constructor(value: string) {
    this.#value = value
  }
  reveal(): string {
    return this.#value
  }
  toString(): string {
    return hidden
  }
  toJSON(): string {
    return hidden
  }
  [inspect.custom](): string {
    return hidden
  }
}

/**
 * Reads a secret from a file; one line end behind it, as editors and `echo` leave it, is not part of it.
 *
 * @param what how to call it in an error, such as "the password of the first owner"
 * @throws ConfigError that names the file and how to mend it
 */
export async function readSecretFile(path: string, what: string): Promise<Secret> {
  let text: string
  try {
    const found = await stat(path)
    if (!found.isFile() && !found.isFIFO())
      throw new ConfigError(`${path} should hold ${what}, but is no file.`)
    if (found.size > secretFileBytes) {
      throw new ConfigError(`${path} should hold ${what}, but is larger than ${secretFileBytes} bytes.`)
    }
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof ConfigError) throw error
    const code = (error as NodeJS.ErrnoException).code
    const why =
      code === 'ENOENT'
        ? 'there is no such file'
        : code === 'EACCES'
          ? 'this user may not read it'
          : String(error)
    throw new ConfigError(`${path} should hold ${what}, but ${why}.`, { cause: error })
  }
  const value = text.replace(/\r?\n$/, '')
  if (value === '') throw new ConfigError(`${path} should hold ${what}, but is empty.`)
  return new Secret(value)
}
