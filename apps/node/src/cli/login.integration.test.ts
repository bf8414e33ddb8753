/** Signing in at a terminal, where the command asks. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { command, type Result } from '../../test/command.ts'
import { ownerName, sharedNode, testPassword } from '../../test/harness.ts'

const shared = sharedNode()
let home: string
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-login-'))
})
afterAll(() => rmSync(home, { recursive: true, force: true }))

test('at a terminal it shows the fingerprint, asks, and never shows the password', async () => {
  const talk = (answers: [prompt: string, answer: string][]): Promise<Result> =>
    new Promise((resolve, reject) => {
      const args = [
        'login',
        '--url',
        shared.node.url,
        '--user',
        ownerName,
        '--no-device',
        '--profile',
        'terminal',
      ]
      // script(1) gives the command a terminal of its own.
      const child = spawn('script', ['-qefc', [command, ...args].join(' '), '/dev/null'], {
        env: { ...process.env, XDG_CONFIG_HOME: home },
      })
      let out = ''
      child.stdout.on('data', (chunk) => {
        out += chunk
        const [next] = answers
        if (next === undefined || !out.includes(next[0])) return
        answers.shift()
        // At once, as somebody does who has typed ahead.
        child.stdin.write(`${next[1]}\r`)
      })
      child.on('error', reject)
      child.on('close', (code) => resolve({ code, out, err: '' }))
    })
  const refused = await talk([['Type yes', 'no']])
  expect(refused).toMatchObject({ code: 1, out: expect.stringContaining('nothing was sent') })
  expect(refused.out).toMatch(/([0-9A-F]{2}:){31}[0-9A-F]{2}/)
  const done = await talk([
    ['Type yes', 'yes'],
    [`Password of ${ownerName}`, testPassword],
  ])
  expect(done).toMatchObject({ code: 0, out: expect.stringContaining('Logged in') })
  expect(done.out).not.toContain(testPassword)
})
