import fc from 'fast-check'
import { expect, test } from 'vitest'
import { moment, sequence } from './arguments.ts'
import { colons } from './discover.ts'
import { age, bytes, count, facts, printable, table } from './output.ts'
import { names } from './resolve.ts'

test('columns are aligned, by what a terminal shows and not by characters', () => {
  const rows = [
    { name: 'ada', n: 5 },
    { name: '日本', n: 1234 },
    { name: '', n: 7 },
  ]
  const columns = [
    { title: 'name', value: (row: (typeof rows)[0]) => row.name },
    { title: 'n', value: (row: (typeof rows)[0]) => row.n, right: true },
  ]
  expect(table(rows, columns)).toEqual(['NAME     N', 'ada      5', '日本  1234', '-        7'])
  expect(
    facts([
      ['A', 1],
      ['Long', null],
    ]),
  ).toEqual(['A:     1', 'Long:  -'])
})

test('what other people write cannot drive the terminal', () => {
  fc.assert(
    fc.property(
      fc.string({
        unit: fc.oneof(
          fc.nat(0x20ff).map((c) => String.fromCharCode(c)),
          fc.constantFrom('\u202e', '\u001b'),
        ),
      }),
      (text) => {
        const left = [...printable(text)].filter(
          (c) => /[\p{Cc}\p{Bidi_Control}]/u.test(c) && !'\n\t'.includes(c),
        )
        expect(left).toEqual([])
      },
    ),
  )
  expect(printable('\u001b[2Jhi\u202e\n')).toBe('\\x1b[2Jhi\\x202e\n')
})

test('ages and sizes are in the largest unit that says something', () => {
  const now = 10 ** 12
  const ages = [0, 59, 60, 3599, 3600, 47 * 3600, 48 * 3600].map((seconds) => age(now - seconds * 1000, now))
  expect(ages).toEqual(['0s', '59s', '1m', '59m', '1h', '47h', '2d'])
  expect(age(null)).toBe('never')
  expect([0, 1023, 1024, 1536, 10 ** 12].map(bytes)).toEqual(['0 B', '1023 B', '1.0 KB', '1.5 KB', '931 GB'])
  expect([count(1, 'event'), count(2, 'event')]).toEqual(['1 event', '2 events'])
  expect([count(1, 'person', 'people'), count(0, 'person', 'people')]).toEqual(['1 person', '0 people'])
})

test('arguments are taken as people write them, and refused with a reason', () => {
  expect(names('ada, @bob,,')).toEqual(['ada', 'bob'])
  expect(sequence('0')).toBe(0)
  for (const bad of ['-1', '1.5', 'x', '4294967296', ''])
    expect(() => sequence(bad), bad).toThrow(/whole number/)
  const twoHoursAgo = moment('2h')
  expect(Date.now() - twoHoursAgo).toBeGreaterThanOrEqual(2 * 3_600_000)
  expect(new Date(moment('2026-03-01')).getHours()).toBe(0)
  for (const bad of ['yesterday', '2026-13-01', '5']) expect(() => moment(bad), bad).toThrow(/date/)
})

test('a fingerprint that was discovered reads as the one on the console', () => {
  expect(colons('a8d09dc8')).toBe('A8:D0:9D:C8')
  expect(colons(null)).toBe(null)
})
