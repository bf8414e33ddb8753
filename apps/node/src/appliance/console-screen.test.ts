import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ConsoleScreen } from './console-screen.ts'
import { setNetwork } from './network.ts'
import { appliancePaths } from './paths.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-console-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const paths = () => appliancePaths(root)
const kept = () => readFileSync(join(paths().network, '10-fixed.network'), 'utf8')

/** Answers each question in turn; a program that is run answers with `output`. @returns what was shown and run */
async function typing(answers: readonly (readonly [RegExp, string])[], output = '') {
  const [input, shown] = [new PassThrough(), new PassThrough()]
  const ran: string[][] = []
  let text = ''
  shown.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  const screen = new ConsoleScreen(paths(), input, shown, async (program, args) => {
    ran.push([program, ...args])
    return output
  })
  const running = screen.run()
  let from = 0
  for (const [question, answer] of answers) {
    await vi.waitFor(() => expect(text.slice(from)).toMatch(question), { timeout: 10_000 })
    from = text.length
    input.write(`${answer}\n`)
  }
  input.end()
  await running
  return { text, ran }
}

const fixed = [
  [/Key, then Enter/, '1'],
  [/Network:/, '2'],
  [/Address with prefix/, '10.0.0.9/24'],
  [/Gateway/, ''],
] as const
const goesOn = [/Enter goes on/, ''] as const

test('a fixed address keeps the time servers that are set, or takes others', async () => {
  await setNetwork(paths(), { address: '10.0.0.5/24', ntp: ['10.0.0.2', 'fd00::2'] }, async () => '')
  await typing([...fixed, [/Time servers.*Enter for 10\.0\.0\.2 fd00::2/, ''], goesOn])
  expect(kept()).toMatch(/Address=10\.0\.0\.9\/24[\s\S]*NTP=10\.0\.0\.2\nNTP=fd00::2\n/)
  const { text } = await typing([...fixed, [/Time servers/, '10.0.0.3  10.0.0.4'], goesOn])
  expect(kept()).toMatch(/NTP=10\.0\.0\.3\nNTP=10\.0\.0\.4\n$/)
  expect(text).toContain('In a minute the certificate of the node names it.')
  await typing([...fixed, [/Time servers/, '-'], goesOn])
  expect(kept()).not.toContain('NTP=')
})

test('a time server that is no address changes nothing', async () => {
  const { text, ran } = await typing([...fixed, [/Enter for none/, '10.0.0.300'], goesOn])
  expect(text).toContain('A time server must be an address')
  expect(ran).toEqual([])
})

test('the log of all units of the machine is shown, and does not drive the terminal', async () => {
  const log = 'one\nSET-UP-REFUSED \x1b[2Jtwo\n'
  const { text, ran } = await typing([[/Key, then Enter/, '3'], [/Recover:/, '2'], goesOn], log)
  expect(ran[0]?.join(' ')).toContain('-u holdfast* ')
  expect(text).toContain('one\r\nSET-UP-REFUSED \\x1b[2Jtwo')
})

test('it says that it switches off', async () => {
  const { text, ran } = await typing([[/Key, then Enter/, '2'], [/Restart:/, '3'], goesOn])
  expect(ran[0]).toContain('poweroff')
  expect(text).toContain('The machine switches off.')
})
