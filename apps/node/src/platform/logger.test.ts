import { expect, test } from 'vitest'
import { createLogger } from './logger.ts'

function capture(readable: boolean) {
  const lines: string[] = []
  const logger = createLogger({
    level: 'info',
    readable,
    destination: { write: (line: string) => void lines.push(line) },
  })
  return { lines, logger }
}

test('secrets do not reach the log at any of three levels', () => {
  for (const readable of [true, false]) {
    const { lines, logger } = capture(readable)
    const secrets = { token: 'S3CRET', password: 'S3CRET', proof: 'S3CRET' }
    logger.info(
      { ...secrets, input: secrets, req: { headers: { authorization: 'S3CRET', cookie: 'S3CRET' } } },
      'a request',
    )
    expect(lines).toHaveLength(1)
    expect(lines[0]).not.toContain('S3CRET')
    expect(lines[0]).toContain('[redacted]')
  }
})

test('JSON lines carry level, time and fields', () => {
  const { lines, logger } = capture(false)
  logger.child({ part: 'http' }).warn({ port: 7443 }, 'listening')
  expect(JSON.parse(lines[0]!)).toMatchObject({ level: 'warn', part: 'http', port: 7443, msg: 'listening' })
})

test('a readable line is one line, with fields behind the message and a stack below', () => {
  const { lines, logger } = capture(true)
  logger.info({ port: 7443 }, 'listening')
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} INFO {2}listening port=7443\n$/)
  logger.error({ err: new Error('broken') }, 'failed')
  expect(lines[1]).toMatch(/ERROR failed\nError: broken\n/)
})

test('lines below the level are not written', () => {
  const { lines, logger } = capture(false)
  logger.debug('quiet')
  expect(lines).toEqual([])
})
