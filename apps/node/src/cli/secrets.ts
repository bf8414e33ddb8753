/** Passwords and confirmations. They never come from the command line, where every user of the machine can read them. */
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { text as readAll } from 'node:stream/consumers'
import { CommandError, UsageError } from './errors.ts'

/** Largest password file; a larger one is some other file. */
const maxSecretBytes = 4096

/** Standard input as text, for `-` in place of a file or text. */
export function readStdin(): Promise<string> {
  return readAll(process.stdin)
}

/**
 * A password or another secret from a file (`-`: standard input), without the line's end; asked for when no file is named.
 * @throws CommandError when the file cannot be read, UsageError when there is neither file nor terminal.
 */
export async function readPassword(options: {
  file: string | undefined
  flag: string
  prompt: string
  /** What it is called in complaints. */
  what?: string
}): Promise<string> {
  const { file, flag, prompt, what = 'password' } = options
  if (file === undefined) {
    if (!process.stdin.isTTY)
      throw new UsageError(
        `There is no terminal to ask for the ${what}. Give ${flag} FILE, or ${flag} - for standard input.`,
      )
    return askHidden(prompt)
  }
  let secret: string
  try {
    secret = file === '-' ? await readStdin() : await readFile(file, 'utf8')
  } catch (cause) {
    throw new CommandError(`The ${what} file ${file} cannot be read: ${(cause as Error).message}.`, {
      cause,
    })
  }
  if (secret.length > maxSecretBytes)
    throw new CommandError(`${file} holds ${secret.length} characters; that is no ${what}.`)
  const password = secret.replace(/\r?\n$/, '')
  if (password === '') throw new CommandError(`The ${what} file ${file} is empty.`)
  return password
}

/** Asks twice for a new password, or reads it from a file. */
export async function readNewPassword(options: {
  file: string | undefined
  flag: string
  prompt: string
}): Promise<string> {
  const password = await readPassword(options)
  if (options.file !== undefined) return password
  if ((await askHidden('The same again: ')) !== password)
    throw new CommandError('The two passwords differ; nothing was changed.')
  return password
}

/** Asks a question on the terminal. */
export function ask(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  return new Promise((resolve, reject) => {
    lines.on('close', () => reject(new CommandError('No answer was given.')))
    lines.question(question, (answer) => {
      resolve(answer)
      lines.close()
    })
  })
}

/** Asks without showing what is typed. */
function askHidden(question: string): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  // From here on the terminal shows nothing: whoever sees the question may answer at once.
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true })
  process.stderr.write(question)
  return new Promise((resolve, reject) => {
    lines.on('SIGINT', () => lines.close())
    lines.on('close', () => reject(new CommandError('No password was given.')))
    lines.question('', (answer) => {
      process.stderr.write('\n')
      resolve(answer)
      lines.close()
    })
  })
}
