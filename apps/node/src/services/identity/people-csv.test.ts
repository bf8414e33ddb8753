import { limits } from '@holdfast/api/contract/limits'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parsePeopleCsv } from './people-csv.ts'

const quoted = (field: string) => `"${field.replaceAll('"', '""')}"`

test('what a spreadsheet wrote comes in, whatever stands in the fields', () => {
  // Fields are trimmed on the way in, and a password has no line end a person could type.
  const field = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
    .filter((s) => s.trim() === s && !/\p{C}/u.test(s))
  fc.assert(
    fc.property(
      fc.array(fc.record({ displayName: field, password: field }), { minLength: 1, maxLength: 20 }),
      (list) => {
        const lines = list.map((each, i) =>
          [`person${i}`, each.displayName, 'member', each.password].map(quoted).join(','),
        )
        const { people, refused } = parsePeopleCsv(
          `\uFEFFName,DisplayName,Role,Password\r\n${lines.join('\r\n')}\r\n`,
        )
        expect(refused).toEqual([])
        expect(people.map(({ person }) => [person.displayName, person.password])).toEqual(
          list.map((each) => [each.displayName, each.password]),
        )
      },
    ),
  )
})

test('regression: a semicolon in a field is part of it where commas separate', () => {
  const { people } = parsePeopleCsv('name,password\nanna,pass;word;long\n')
  expect(people[0]?.person).toMatchObject({ name: 'anna', password: 'pass;word;long' })
})

test('semicolons separate where the first line says so', () => {
  const { people } = parsePeopleCsv('name;displayName\nanna;"Berg, Anna"\n')
  expect(people[0]?.person).toMatchObject({ name: 'anna', displayName: 'Berg, Anna' })
})

test('a missing password is made and told; a bad line is refused with its number, the others go on', () => {
  const { people, refused } = parsePeopleCsv('name,role\nanna,\n\n-bad-,member\nben,king\ncara,helpdesk\n')
  expect(people.map(({ line, person }) => [line, person.name, person.role])).toEqual([
    [2, 'anna', 'member'],
    [6, 'cara', 'helpdesk'],
  ])
  expect(people[0]?.madePassword).toMatch(/^\S{12,}$/)
  expect(people[0]?.person).toMatchObject({ mustChange: true, password: people[0]?.madePassword })
  expect(refused.map(({ line }) => line)).toEqual([4, 5])
})

test('a file without a name column is refused, and so is what is over the bound', () => {
  expect(parsePeopleCsv('who\nanna\n').refused).toHaveLength(1)
  const lines = Array.from({ length: limits.listRows + 2 }, (_, i) => `person${i}`)
  const { people, refused } = parsePeopleCsv(`name\n${lines.join('\n')}`)
  expect([people.length, refused.length]).toEqual([limits.listRows, 2])
})

test('no text makes it throw', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('"', ',', ';', '\n', '\r', 'a', 'name', ' ') }), (text) => {
      parsePeopleCsv(text)
      parsePeopleCsv(`name,role\n${text}`)
    }),
  )
})
