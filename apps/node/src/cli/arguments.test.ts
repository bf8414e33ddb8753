import { expect, test } from 'vitest'
import { characters } from './arguments.ts'
import { updateCommand } from './update.ts'

test('text is taken within its bounds, and refused with them', () => {
  const text = characters(1, 3)
  expect(text('abc')).toBe('abc')
  for (const wrong of ['', 'abcd']) expect(() => text(wrong)).toThrow('Write 1 to 3 characters.')
})

test('regression: a name too long for the journal of updates is a wrong command line', async () => {
  const command = updateCommand()
  const told: string[] = []
  for (const each of [command, ...command.commands])
    each.exitOverride().configureOutput({ writeErr: (text) => told.push(text) })
  await expect(
    command.parseAsync(['install', 'x.raucb', '--by', 'x'.repeat(201)], { from: 'user' }),
  ).rejects.toMatchObject({ code: 'commander.invalidArgument' })
  expect(told.join('')).toContain('Write 1 to 200 characters.')
})
