/** Talking in a channel from a terminal: what comes is printed above the line that is being written. */
import {
  clearLine,
  clearScreenDown,
  createInterface,
  cursorTo,
  type Interface,
  moveCursor,
} from 'node:readline'
import type { Client } from '@holdfast/api/client'
import type { Api } from '@holdfast/api/client/api'
import type { PresenceState } from '@holdfast/api/contract/frames'
import type { Command } from 'commander'
import { integer } from './arguments.ts'
import { channelId, entryLine, isChannel, Names, tellOfConnection } from './messaging.ts'
import { bold, dim, note, printable, printJson, red, width } from './output.ts'
import { openRemote, type RemoteFlags, remoteCommand } from './remote.ts'

interface ChatFlags extends RemoteFlags {
  lines: number
}

const linesDefault = 20
const linesMax = 10_000
const historyLines = 20
/** Lines that the arrow keys bring back. */
const recalled = 200
/** Somebody who writes says so at most this often. */
const typingEveryMs = 3000

const help = [
  '/history [N]      the N messages before the oldest one shown',
  '/reply SEQ TEXT   answer a message',
  '/edit SEQ TEXT    replace the text of an own message',
  '/delete SEQ       delete a message',
  '/urgent TEXT      send with the priority urgent',
  '/who              who is here',
  '/quit             leave (also Ctrl-D)',
]

export function chatCommand(): Command {
  return remoteCommand('chat')
    .argument('<channel>', 'a channel by name or id, or @name for the direct one')
    .option('--lines <n>', 'begin with the newest n entries', integer(0, linesMax), linesDefault)
    .addHelpText(
      'after',
      `\nA line is sent as it is. Lines that begin with a slash are commands:\n  ${help.join('\n  ')}`,
    )
    .action(chat)
}

async function chat(reference: string, flags: ChatFlags): Promise<void> {
  await using remote = await openRemote(flags)
  const client = await remote.connect({
    follow: (channel) => isChannel(channel, reference),
    begin: (channel) => Math.max(channel.floor - 1, channel.head - flags.lines, 0),
  })
  const id = await channelId(client, remote.api, reference)
  await new ChatRoom({
    client,
    api: remote.api,
    channel: id,
    title: reference,
    json: flags.json === true,
  }).run()
}

class ChatRoom {
  readonly #client: Client
  readonly #api: Api
  readonly #channel: string
  readonly #title: string
  readonly #json: boolean
  readonly #names: Names
  readonly #lines: Interface
  #oldest = Number.POSITIVE_INFINITY
  #saidTypingAt = 0

  constructor(options: { client: Client; api: Api; channel: string; title: string; json: boolean }) {
    this.#client = options.client
    this.#api = options.api
    this.#channel = options.channel
    this.#title = options.title
    this.#json = options.json
    this.#names = new Names(options.api)
    this.#lines = createInterface({
      input: process.stdin,
      output: process.stdout,
      terminal: process.stdin.isTTY === true && process.stdout.isTTY === true,
      historySize: recalled,
      prompt: process.stdin.isTTY ? `${printable(options.title)}> ` : '',
    })
  }

  /** Ends with the input, with /quit, or when the connection is stopped. */
  async run(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#lines.on('close', () => resolve()))
    const jobs = new Set<Promise<void>>()
    this.#client.on('entry', async (entry) => {
      this.#oldest = Math.min(this.#oldest, entry.seq)
      const fromName = await this.#names.of(entry.from)
      this.#show(this.#json ? JSON.stringify({ ...entry, fromName }) : entryLine(entry, fromName))
      this.#client.markRead(this.#channel, entry.seq)
    })
    this.#client.on('typing', async ({ channel, person }) => {
      if (channel === this.#channel && !this.#json)
        this.#show(dim(`${await this.#names.of(person)} is writing…`))
    })
    tellOfConnection(this.#client, (line) => {
      if (process.stdout.isTTY && process.stderr.isTTY) this.#show(dim(line))
      else note(`holdfast: ${line}`)
    })
    this.#client.on('state', ({ state }) => {
      if (state === 'stopped') this.#lines.close()
    })
    this.#client.on('gap', ({ from, to }) =>
      this.#tell(`Entries ${from} to ${to} were removed by retention.`),
    )
    if (process.stdin.isTTY) this.#tell(`You are in ${this.#title}. /help lists the commands.`)
    process.stdin.on('keypress', () => this.#typing())
    this.#lines.on('line', (line) => {
      const job = this.#line(line).catch((error: Error) => this.#tell(red(error.message)))
      jobs.add(job)
      job.finally(() => jobs.delete(job))
    })
    this.#lines.prompt()
    await closed
    // Input from a pipe ends before the last message is acknowledged.
    await Promise.all(jobs)
  }

  async #line(line: string): Promise<void> {
    const text = line.trim()
    if (text === '/quit') return this.#lines.close()
    if (text !== '' && !text.startsWith('/')) this.#unwrite(line)
    this.#lines.prompt()
    if (text === '') return
    const command = /^\/(\w+)\s*([\s\S]*)$/.exec(text)
    if (!command) return this.#send(line)
    const [, name, rest = ''] = command
    const [seq, words] = splitSeq(rest)
    switch (name) {
      case 'help':
        for (const row of help) this.#show(row)
        return
      case 'who':
        return this.#who()
      case 'history':
        return this.#history(rest === '' ? historyLines : Number(rest))
      case 'urgent':
        return this.#send(rest, { priority: 'urgent' })
      case 'reply':
        return this.#send(words, { reply: seq })
      case 'edit':
        await this.#client.edit(this.#channel, seq, words)
        return
      case 'delete':
        await this.#client.delete(this.#channel, seq)
        return
      default:
        this.#tell(`There is no command /${name}. /help lists them.`)
    }
  }

  async #send(body: string, options: { reply?: number; priority?: 'urgent' } = {}): Promise<void> {
    await this.#client.send(this.#channel, body, options)
  }

  async #history(count: number): Promise<void> {
    if (!Number.isInteger(count) || count < 1 || count > 200)
      throw new Error('/history takes a number from 1 to 200.')
    const before = Number.isFinite(this.#oldest) ? { before: this.#oldest } : {}
    const page = await this.#client.history(this.#channel, { ...before, limit: count })
    if (page.entries.length === 0) this.#tell('There is nothing older.')
    for (const entry of page.entries) {
      this.#oldest = Math.min(this.#oldest, entry.seq)
      this.#show(entryLine(entry, await this.#names.of(entry.from)))
    }
  }

  async #who(): Promise<void> {
    const here = (await this.#api.presence.list.query()).filter(
      (row: PresenceState) => row.state !== 'offline',
    )
    const names = await Promise.all(
      here.map(async (row) => `${await this.#names.of(row.person)}${row.state === 'away' ? ' (away)' : ''}`),
    )
    this.#show(`Here: ${bold(printable(names.sort().join(', ')))}`)
  }

  #typing(): void {
    const now = Date.now()
    if (
      now - this.#saidTypingAt < typingEveryMs ||
      this.#lines.line === '' ||
      this.#lines.line.startsWith('/')
    )
      return
    this.#saidTypingAt = now
    this.#client.typing(this.#channel)
  }

  /** Takes the typed line off the screen: it comes back as the entry that it has become. */
  #unwrite(line: string): void {
    if (!process.stdout.isTTY) return
    const columns = process.stdout.columns || 80
    const rows = Math.max(1, Math.ceil((width(this.#lines.getPrompt()) + width(line)) / columns))
    moveCursor(process.stdout, 0, -rows)
    cursorTo(process.stdout, 0)
    clearScreenDown(process.stdout)
  }

  /** A word of the program, not of a person. */
  #tell(text: string): void {
    if (this.#json) printJson({ notice: text })
    else this.#show(dim(text))
  }

  /** Prints above the line that is being written, and draws that line again with its cursor where it was. */
  #show(text: string): void {
    if (!process.stdout.isTTY) {
      process.stdout.write(`${text}\n`)
      return
    }
    cursorTo(process.stdout, 0)
    clearLine(process.stdout, 0)
    process.stdout.write(`${text}\n`)
    this.#lines.prompt(true)
  }
}

function splitSeq(text: string): [number, string] {
  const match = /^(\d{1,10})\s*([\s\S]*)$/.exec(text)
  return match ? [Number(match[1]), match[2] ?? ''] : [Number.NaN, text]
}
