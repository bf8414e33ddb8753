import { expect, test } from 'vitest'
import * as z from 'zod'
import { clientFrames } from './frames.ts'
import * as inputs from './inputs.ts'
import './issue-text.ts'

const textOf = (schema: z.ZodType, value: unknown) => schema.safeParse(value).error?.issues[0]?.message

test('what is wrong is said without the words of schemas', () => {
  const cases: [z.ZodType, unknown, string][] = [
    [z.string().min(1), '', 'must not be empty'],
    [z.string().min(3), 'ab', 'must have at least 3 characters'],
    [z.string().max(1), 'ab', 'must have at most 1 character'],
    [z.array(z.string()).max(2), ['a', 'b', 'c'], 'must have at most 2 entries'],
    [z.int().min(5), 4, 'must be at least 5'],
    [z.number().lt(5), 5, 'must be less than 5'],
    [z.int(), 1.5, 'must be a whole number'],
    [z.string(), undefined, 'is missing'],
    [z.string(), 7, 'must be text'],
    [z.enum(['a', 'b']), 'c', 'must be one of a, b'],
    [z.string().regex(/^a$/), 'b', 'is not written as it must be'],
    [z.strictObject({}), { more: 1 }, 'holds what is not known: more'],
    [z.union([z.string(), z.int()]), true, 'is none of the forms it may have'],
  ]
  for (const [schema, value, text] of cases) expect(textOf(schema, value)).toBe(text)
})

test('a schema’s own message counts', () => {
  expect(textOf(z.string().min(1, 'say something'), '')).toBe('say something')
  expect(textOf(inputs.personAdd.shape.name, 'a b')).toMatch(/^use letters, digits/)
  expect(textOf(clientFrames.send.shape.id, 'a b')).toMatch(/without spaces/)
  expect(textOf(inputs.idInput.shape.id, 'nobody')).toMatch(/is not an id/)
})

test('no procedure and no frame answers in the words of schemas', () => {
  const schemas = [...Object.values<unknown>(inputs), ...Object.values<unknown>(clientFrames)].filter(
    (each) => each instanceof z.ZodObject,
  )
  expect(schemas.length).toBeGreaterThan(30)
  for (const schema of schemas)
    for (const wrong of ['', 'a b\u0000', -1, true, [], null, 'x'.repeat(100_000)])
      for (const key of Object.keys(schema.shape)) {
        const issues = schema.safeParse({ [key]: wrong }).error?.issues ?? []
        for (const { message } of issues)
          expect(message).not.toMatch(/Invalid|expected|received|Too (small|big)|pattern/)
      }
})
