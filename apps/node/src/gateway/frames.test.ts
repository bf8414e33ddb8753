import { HoldfastError } from '@holdfast/api/contract/errors'
import { limits } from '@holdfast/api/contract/limits'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkFrame, frameId, parseFrames } from './frames.ts'

const parse = (text: string) => parseFrames(Buffer.from(text), false)

test('a message is one frame or a bounded array of them', () => {
  expect(parse('{"t":"ping"}')).toEqual([{ t: 'ping' }])
  expect(parse('[{"t":"ping"},5]')).toEqual([{ t: 'ping' }, 5])
  expect(parse('[]')).toEqual([])
  expect(parse(JSON.stringify(Array(limits.framesPerArray).fill(0)))).toHaveLength(limits.framesPerArray)
  for (const bad of ['', '{', 'NaN', JSON.stringify(Array(limits.framesPerArray + 1).fill(0))])
    expect(parse(bad)).toBeInstanceOf(HoldfastError)
  expect(parseFrames(Buffer.from('{"t":"ping"}'), true)).toBeInstanceOf(HoldfastError)
})

test('whatever JSON comes, the check gives a frame or says what is wrong, and never throws', () => {
  const frame = fc.record({
    t: fc.constantFrom('send', 'sync', 'ping', 'auth', '__proto__', 'constructor'),
    id: fc.jsonValue(),
  })
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), frame), (value) => {
      const checked = checkFrame(value)
      if ('t' in checked) return
      expect(checked.error.code).toBe('bad-request')
      expect(checked.counts).toBe(true)
      expect(checked.error.message.length).toBeLessThanOrEqual(300)
    }),
    { numRuns: 2000 },
  )
})

test('names of the prototype are no frame types', () => {
  for (const t of ['__proto__', 'constructor', 'toString', 'hasOwnProperty'])
    expect(checkFrame(JSON.parse(`{"t":${JSON.stringify(t)}}`))).toMatchObject({ counts: true })
})

test('an answer names the frame only by an id that is sane', () => {
  expect(frameId({ id: 7 })).toBe(7)
  expect(frameId({ id: 'a' })).toBe('a')
  for (const id of [1.5, 2 ** 60, {}, null, 'x'.repeat(limits.clientIdLength + 1)])
    expect(frameId({ id })).toBeUndefined()
})
