import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { errorStatus } from '../contract/errors.ts'
import { clientFrameSchema, clientFrames, closeCodes } from '../contract/frames.ts'
import { parseMessage } from './incoming.ts'
import { renderProtocolDoc } from './protocol-doc.ts'

const path = new URL('../../../../docs/reference/client-protocol.md', import.meta.url)
const document = await readFile(path, 'utf8')

/** The JSON examples of one side. */
function examples(side: 'client' | 'server'): string[] {
  return [...document.matchAll(new RegExp(`\`\`\`json ${side}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(
    (match) => match[1]!,
  )
}

const framesIn = (text: string): { t: string }[] => [JSON.parse(text)].flat() as { t: string }[]

test('the tables are current; if not, run: node packages/api/src/client/protocol-doc.ts', () => {
  expect(document).toBe(renderProtocolDoc(document))
})

test('every example of a client is valid, and every client frame has one', () => {
  const shown = new Set<string>()
  for (const text of examples('client'))
    for (const frame of framesIn(text)) {
      expect(clientFrameSchema.safeParse(frame).error, text).toBeUndefined()
      shown.add(frame.t)
    }
  expect([...shown].sort()).toEqual(Object.keys(clientFrames).sort())
})

test('every example of a node is one that the SDK takes, and every server frame has one', () => {
  const shown = new Set<string>()
  for (const text of examples('server')) {
    expect(parseMessage(text)).toHaveLength(framesIn(text).length)
    for (const frame of framesIn(text)) shown.add(frame.t)
  }
  const known = [
    'ack',
    'channel',
    'entry',
    'error',
    'hello',
    'marks',
    'notice',
    'page',
    'pong',
    'presence',
    'ready',
    'resync',
    'synced',
    'typing',
  ]
  expect([...shown].sort()).toEqual(known)
})

test('every close code and error code is named', () => {
  for (const code of Object.values(closeCodes)) expect(document).toContain(`| ${code} |`)
  for (const code of Object.keys(errorStatus)) expect(document).toContain(`\`${code}\``)
})
