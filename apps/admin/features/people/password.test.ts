import { limits } from '@holdfast/api/contract/limits'
import { expect, test } from 'vitest'
import { generatePassword } from './password.ts'

test('a generated password is long enough, readable and new each time', () => {
  const some = Array.from({ length: 200 }, () => generatePassword())
  for (const password of some) {
    expect(password).toMatch(/^([a-zA-Z2-9]{5}-){3}[a-zA-Z2-9]{5}$/)
    expect(password).not.toMatch(/[0Oo1lIi]/)
    expect(password.length).toBeGreaterThan(limits.passwordMinLength)
  }
  expect(new Set(some).size).toBe(200)
})

test('bytes that would make some characters likelier are thrown away', () => {
  let calls = 0
  const password = generatePassword((bytes) => bytes.fill(calls++ === 0 ? 255 : 0))
  expect(password).toBe('aaaaa-aaaaa-aaaaa-aaaaa')
  expect(calls).toBe(2)
})
