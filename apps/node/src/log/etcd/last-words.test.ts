import { expect, test } from 'vitest'
import { LastWords } from './last-words.ts'

function after(...lines: string[]): string {
  const words = new LastWords()
  for (const line of lines) words.hear(line)
  return words.text
}

const stack = [
  '',
  'goroutine 1 [running]:',
  'go.uber.org/zap/zapcore.CheckWriteAction.OnWrite(0x1?, 0xc000419c40?, {0x0?, 0x0?})',
  '\tgo.uber.org/zap/zapcore/entry.go:196 +0x54',
  'main.main()',
  '\tgo.etcd.io/etcd/server/main.go:31 +0x28',
]

test('the reason of a crash is told, not the end of its stack', () => {
  const log =
    '{"level":"panic","msg":"failed to create WAL","error":"no space left on device","stacktrace":"x"}'
  expect(after(log, 'panic: failed to create WAL', ...stack)).toBe(
    ': failed to create WAL: no space left on device',
  )
  expect(after('panic: freepages: failed to get all reachable pages', ...stack)).toBe(
    ': panic: freepages: failed to get all reachable pages',
  )
})

test('what is said before there is a log is told; warnings are not', () => {
  expect(after('error verifying flags, expected IP. See etcd --help.')).toBe(
    ': error verifying flags, expected IP. See etcd --help.',
  )
  expect(
    after('{"level":"warn","msg":"slow"}', '2026/11/28 17:16:14 WARNING: [core] grpc: transport is closing'),
  ).toBe('')
})

test('the newest of the gravest lines counts, and nothing of the start before', () => {
  const error = (msg: string) => JSON.stringify({ level: 'error', msg })
  expect(after(error('first'), error('second'), 'plain')).toBe(': second')
  const words = new LastWords()
  words.hear(error('old'))
  words.forget()
  expect(words.text).toBe('')
})
