import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { expect, test } from 'vitest'
import { buildWholeProgram } from './program.ts'
import { referencePath, renderReference } from './reference-doc.ts'
import { subcommands } from './registry.ts'

test('docs/reference/command-line.md is current; if not, run: node apps/node/src/cli/reference-doc.ts', async () => {
  expect(await readFile(referencePath, 'utf8')).toBe(await renderReference())
})

test('every subcommand loads, has a description, and says what each argument and flag is for', async () => {
  const program = await buildWholeProgram()
  const bare: string[] = []
  const look = (command: Command, path: string): void => {
    if (command.description() === '') bare.push(path)
    for (const each of command.registeredArguments)
      if (each.description === '') bare.push(`${path} <${each.name()}>`)
    for (const each of command.options) if (each.description === '') bare.push(`${path} ${each.flags}`)
    for (const child of command.commands) look(child, `${path} ${child.name()}`)
  }
  look(program, 'holdfast')
  expect(bare).toEqual([])
  expect(program.commands.map((command) => command.name())).toEqual(Object.keys(subcommands))
})

test('the words that scripts depend on are there', async () => {
  const program = await buildWholeProgram()
  const words = (name: string): string[] =>
    program.commands.find((command) => command.name() === name)!.commands.map((command) => command.name())
  const flags = (name: string): (string | undefined)[] =>
    program.commands.find((command) => command.name() === name)!.options.map((option) => option.long)
  expect(flags('init')).toEqual(
    expect.arrayContaining(['--data', '--facility', '--node', '--admin', '--admin-password-file']),
  )
  expect(flags('serve')).toEqual(expect.arrayContaining(['--data', '--port']))
  expect(flags('login')).toEqual(
    expect.arrayContaining(['--url', '--user', '--password-file', '--ca', '--profile']),
  )
  expect(flags('send')).toEqual(expect.arrayContaining(['--id', '--priority', '--reply']))
  expect(flags('tail')).toEqual(expect.arrayContaining(['--since', '--no-follow']))
  expect(words('person')).toEqual(
    expect.arrayContaining([
      'add',
      'list',
      'show',
      'suspend',
      'resume',
      'unlock',
      'set-role',
      'set-password',
      'erase',
      'import',
    ]),
  )
  expect(words('group')).toEqual(['create', 'list', 'add', 'remove', 'delete'])
  expect(words('channel')).toEqual(
    expect.arrayContaining(['create', 'list', 'show', 'add', 'remove', 'archive', 'join', 'leave', 'set']),
  )
  expect(words('device')).toEqual(['list', 'show', 'approve', 'revoke', 'enrol', 'mine'])
  expect(words('audit')).toEqual(['verify', 'checkpoint', 'keys', 'prove', 'check-proof', 'search', 'export'])
  expect(words('settings')).toEqual(['get', 'set'])
})
