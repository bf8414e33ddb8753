import { expect, test } from 'vitest'
import { type MachineFacts, screenLines } from './console-view.ts'

const facts: MachineFacts = {
  version: '0.1.0',
  slot: 'A',
  hostName: 'holdfast-461d',
  addresses: ['10.0.0.5'],
  port: 443,
  fault: null,
  facility: null,
  nodeName: null,
  caFingerprint: Array.from({ length: 32 }, () => 'AB').join(':'),
  setup: null,
  setupCode: 'FAE4-XX9Z',
  update: null,
}

test('a set-up that was refused stands beside the code for a browser', () => {
  const lines = screenLines({ ...facts, setup: 'refused: The set-up is wrong at owner.' })
  expect(lines).toContain('  Set-up          refused: The set-up is wrong at owner.')
  expect(lines).toContain('  Set-up code     FAE4-XX9Z')
})

test('what others wrote makes no line of its own and does not drive the terminal', () => {
  const forged = 'x\n  CA fingerprint  00:11\x1b[2J\r'
  const lines = screenLines({
    ...facts,
    hostName: forged,
    fault: forged,
    facility: forged,
    setup: forged,
    update: forged,
  })
  const text = lines.join('')
  expect(text).not.toMatch(/[\p{Cc}]/u)
  expect(text).toContain('\\x1b[2J')
  expect(lines.filter((line) => line.startsWith('  CA fingerprint'))).toHaveLength(1)
})
