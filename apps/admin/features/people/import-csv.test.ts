import { expect, test } from 'vitest'
import { csvTemplate, passwordSheet } from './import-csv.ts'

test('the template names the columns first', () => {
  expect(csvTemplate.split('\r\n')[0]).toBe('name,displayName,role,password')
})

test('the sheet has those whose password was made, quoted where needed, and no formula', () => {
  const sheet = passwordSheet([
    { name: 'ana', password: 'a,"b' },
    { name: 'ben', password: null },
    { name: 'cem', password: '=1+1' },
  ])
  expect(sheet).toBe('name,password\r\nana,"a,""b"\r\ncem,\'=1+1\r\n')
})
