/**
 * Makes the tables of docs/reference/client-protocol.md from the schemas: `node packages/api/src/client/protocol-doc.ts`
 * writes them, and a test fails while they are not current. Everything else in that file is written by hand.
 */
import * as z from 'zod'
import { errorStatus } from '../contract/errors.ts'
import { type ClientFrameType, clientFrames } from '../contract/frames.ts'
import { limits } from '../contract/limits.ts'

/** What each field is for, where its name and type do not say it all. */
const meanings: {
  [T in ClientFrameType]: Record<Exclude<keyof (typeof clientFrames)[T]['shape'], 't'>, string>
} = {
  auth: {
    token: 'Session token; absent in a browser, whose cookie speaks.',
    proof: 'Proof of the device key over the nonce of `hello`; demanded of sessions bound to a device.',
    client: 'Name and version of the program.',
    branch: 'The branch of the places that the client has, as `ready` named it; see Branches.',
  },
  sync: { since: 'The newest sequence the client has, by channel id; 0 for none.' },
  send: {
    channel: 'Channel id.',
    id: 'The message’s own id, made by the client.',
    body: 'The text.',
    priority: '`normal` when absent.',
    reply: 'Sequence of the entry this answers.',
  },
  edit: {
    channel: 'Channel id.',
    id: 'The change’s own id, made by the client.',
    seq: 'Sequence of the text entry to change.',
    body: 'The new text.',
  },
  delete: {
    channel: 'Channel id.',
    id: 'The change’s own id, made by the client.',
    seq: 'Sequence of the text entry to delete.',
  },
  mark: {
    channel: 'Channel id.',
    delivered: 'Everything up to this sequence has arrived at the device.',
    read: 'Everything up to this sequence has been read; it was then delivered too.',
  },
  history: {
    id: 'Comes back in the `page` or `error`.',
    channel: 'Channel id.',
    before: 'The newest entries with a sequence below this.',
    after: 'The oldest entries with a sequence above this.',
    limit: 'Entries at most; 50 when absent.',
  },
  presence: { state: 'Whether the person is at this device.' },
  watch: { presence: 'Begins or ends the `presence` frames.' },
  typing: { channel: 'Channel id.' },
  ping: { id: 'Comes back in the `pong`.' },
}

interface JsonSchema {
  type?: string
  const?: unknown
  enum?: unknown[]
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  pattern?: string
  anyOf?: JsonSchema[]
  additionalProperties?: JsonSchema | boolean
  properties?: Record<string, JsonSchema>
  required?: string[]
}

const idPattern = '^[a-z]{1,3}_[0-9a-z]{20}$'

function typeText(schema: JsonSchema): string {
  if (schema.anyOf) return schema.anyOf.map(typeText).join(' or ')
  if (schema.enum) return schema.enum.map((value) => `\`${JSON.stringify(value)}\``).join(', ')
  if (schema.type === 'integer') {
    const { minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER } = schema
    return maximum === Number.MAX_SAFE_INTEGER
      ? `integer from ${minimum}`
      : `integer, ${minimum} to ${maximum}`
  }
  if (schema.type === 'object' && typeof schema.additionalProperties === 'object')
    return `object of ids to ${typeText(schema.additionalProperties)}`
  if (schema.type !== 'string') return schema.type ?? 'any'
  if (schema.pattern === idPattern) return 'id'
  const { minLength, maxLength } = schema
  if (maxLength === limits.bodyBytes)
    return `string, 1 to ${maxLength} bytes in UTF-8, well-formed Unicode without U+0000`
  const length = maxLength === undefined ? '' : `, ${minLength ?? 0} to ${maxLength} characters`
  return `string${length}${schema.pattern === undefined ? '' : `, \`${schema.pattern}\``}`
}

function clientFrameTable(type: ClientFrameType): string {
  const schema = z.toJSONSchema(clientFrames[type], { io: 'input' }) as JsonSchema
  const described: Record<string, string> = meanings[type]
  const rows = Object.entries(schema.properties ?? {})
    .filter(([name]) => name !== 't')
    .map(([name, field]) => {
      const must = schema.required?.includes(name) ? 'yes' : 'no'
      return `| \`${name}\` | ${typeText(field)} | ${must} | ${described[name] ?? ''} |`
    })
  return ['| field | type | must | meaning |', '|---|---|---|---|', ...rows].join('\n')
}

function limitTable(): string {
  const rows: [string, string][] = [
    [
      `${limits.frameBytes} bytes`,
      'one WebSocket message from a client; a larger one closes the connection with 1009',
    ],
    [`${limits.framesPerArray}`, 'frames in one array from a client'],
    [`${limits.bodyBytes} bytes`, 'a message’s text in UTF-8'],
    [
      `${limits.inflightSends}`,
      'sends, edits and deletes of one connection without an answer; one more is refused with `busy`',
    ],
    [`${limits.syncChannels}`, 'channels in one `sync`; send several for more'],
    [
      `${limits.inflightReads}`,
      '`sync` and `history` frames without an answer; one more is refused with `busy`',
    ],
    [`${limits.pageEntries}`, 'entries in one page'],
    [`${limits.pageBytes} bytes`, 'entries of a page after which it ends early, with `more`'],
    [
      `${limits.connectionQueueBytes} bytes`,
      'bytes waiting in a connection before the node leaves entries out',
    ],
    [`${limits.authTimeoutMs / 1000} s`, 'time from connecting to `auth`'],
    [`${limits.silenceMs / 1000} s`, 'silence after which the node pings; after as much again it hangs up'],
    [`${limits.connections}`, 'connections of one node'],
    [`${limits.connectionsPerPerson}`, 'connections of one person'],
  ]
  return ['| bound | of what |', '|---|---|', ...rows.map(([bound, what]) => `| ${bound} | ${what} |`)].join(
    '\n',
  )
}

function codeList(): string {
  return `${Object.keys(errorStatus)
    .map((code) => `\`${code}\``)
    .join(', ')}.`
}

/** Every generated part by its name. */
export function protocolTables(): Map<string, string> {
  const parts = new Map<string, string>()
  for (const type of Object.keys(clientFrames) as ClientFrameType[])
    parts.set(`frame ${type}`, clientFrameTable(type))
  parts.set('limits', limitTable())
  parts.set('error codes', codeList())
  return parts
}

/** The document with its generated parts made anew: what stands between `<!-- NAME -->` and `<!-- end -->`. */
export function renderProtocolDoc(document: string): string {
  const parts = protocolTables()
  const used = new Set<string>()
  const rendered = document.replaceAll(
    /<!-- (?!end)([^>]+) -->\n[\s\S]*?<!-- end -->/g,
    (_, name: string) => {
      const part = parts.get(name)
      if (part === undefined) throw new Error(`The document asks for "${name}", which is not made here.`)
      used.add(name)
      return `<!-- ${name} -->\n${part}\n<!-- end -->`
    },
  )
  const missing = [...parts.keys()].filter((name) => !used.has(name))
  if (missing.length > 0) throw new Error(`The document lacks the parts ${missing.join(', ')}.`)
  return rendered
}

if (import.meta.main) {
  const { readFile, writeFile } = await import('node:fs/promises')
  const path = new URL('../../../../docs/reference/client-protocol.md', import.meta.url)
  await writeFile(path, renderProtocolDoc(await readFile(path, 'utf8')))
  console.log(`Wrote ${path.pathname}`)
}
