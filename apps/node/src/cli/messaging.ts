/** What the commands that talk over the messaging connection share. */
import type { Client } from '@holdfast/api/client'
import type { Api } from '@holdfast/api/client/api'
import type { ChannelState, Entry } from '@holdfast/api/contract/frames'
import { limits } from '@holdfast/api/contract/limits'
import { CommandError } from './errors.ts'
import { bold, dateTime, dim, printable, red } from './output.ts'

/** Whether a channel is the one that the command line names: `name`, `#name`, `@person` or an id. */
export function isChannel(channel: ChannelState, reference: string): boolean {
  if (channel.id === reference) return true
  if (reference.startsWith('@'))
    return channel.kind === 'direct' && channel.peer?.name === reference.slice(1).toLowerCase()
  return channel.name !== null && channel.name === reference.replace(/^#/, '').toLowerCase()
}

/**
 * The id of the channel that the command line names, among the channels of the connection. A direct channel is made
 * when there is none yet.
 */
export async function channelId(client: Client, api: Api, reference: string): Promise<string> {
  for (const channel of client.channels.values()) if (isChannel(channel, reference)) return channel.id
  if (reference.startsWith('@')) return (await api.channels.direct.mutate({ person: reference.slice(1) })).id
  throw new CommandError(
    `You are in no channel called ${reference}. "holdfast channels" lists yours; an open one is joined by: holdfast channel join ${reference}`,
  )
}

/** People's names by id, asked from the node when one is not known yet. */
export class Names {
  readonly #api: Api
  readonly #names = new Map<string, string>()

  constructor(api: Api) {
    this.#api = api
  }

  async of(id: string): Promise<string> {
    const known = this.#names.get(id)
    if (known !== undefined) return known
    await this.#load()
    // An erased person has no name any more.
    if (!this.#names.has(id)) this.#names.set(id, id)
    return this.#names.get(id)!
  }

  async #load(): Promise<void> {
    for (let offset = 0; ; offset += limits.listRows) {
      const { rows, total } = await this.#api.people.list.query({ offset, limit: limits.listRows })
      for (const row of rows) this.#names.set(row.id, row.name)
      if (offset + limits.listRows >= total) return
    }
  }
}

/** How long a command waits for the node to store an edit or a deletion. */
export const changeTimeoutMs = 30_000

/**
 * Says in one line each when the connection is lost, goes on at another node, or can store nothing for a while, and when entries
 * that were shown are no more.
 */
export function tellOfConnection(client: Client, tell: (line: string) => void): void {
  let { url } = client.node
  let mute = false
  client.on('branch', ({ undone }) => {
    for (const { from, to } of undone)
      tell(
        `the facility was restored or recovered: entries ${from} to ${to} are no more; what stands there now follows`,
      )
  })
  client.on('state', ({ state, error, retryInMs }) => {
    if (state === 'waiting')
      tell(
        `${error?.message ?? 'The connection was lost.'} Trying again in ${Math.ceil((retryInMs ?? 0) / 1000)} s.`,
      )
    if (state !== 'live' && state !== 'read-only') return
    if (client.node.url !== url) tell(`switched to ${client.node.name ?? client.node.url}`)
    url = client.node.url
    if (state === 'read-only' && !mute) tell(error?.message ?? 'Nothing can be stored for now.')
    if (state === 'live' && mute) tell('messages are stored again')
    mute = state === 'read-only'
  })
}

/** One entry as a line of text. */
export function entryLine(entry: Entry, name: string): string {
  const head = `${dim(`${String(entry.seq).padStart(5)}  ${dateTime(entry.at)}`)}  ${bold(printable(name))}`
  const urgent = entry.priority && entry.priority !== 'normal' ? `${red(`[${entry.priority}]`)} ` : ''
  // The lines of a text stand below each other, so that nobody can write what looks like another entry.
  const body = printable(entry.body).replaceAll('\n', '\n         ')
  if (entry.kind === 'delete') return `${head}  ${dim(`deleted message ${entry.target ?? ''}`)}`
  if (entry.deleted) return `${head}  ${dim('(deleted)')}`
  if (entry.kind === 'edit') return `${head}  ${dim(`changed message ${entry.target ?? ''} to:`)} ${body}`
  if (entry.kind === 'notice') return `${head}  ${dim(body)}`
  const reply = entry.target === undefined ? '' : `${dim(`(to ${entry.target})`)} `
  return `${head}  ${urgent}${reply}${body}`
}
