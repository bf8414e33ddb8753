import { settingsUpdate } from '@holdfast/api/contract/inputs'
import type { FacilitySettings } from '@holdfast/api/services'
import { Command } from 'commander'
import * as z from 'zod'
import { UsageError } from './errors.ts'
import { facts, print, printJson } from './output.ts'
import { openRemote, type RemoteFlags, remoteCommand } from './remote.ts'

/** What can be set; the version only guards against a second writer. */
const { version: _, ...fields } = settingsUpdate.shape
type Key = keyof typeof fields
const keys = Object.keys(fields) as Key[]

export function settingsCommand(): Command {
  return new Command('settings')
    .addCommand(
      remoteCommand('get')
        .description("Show the facility's settings, or one of them.")
        .argument('[setting]', keys.join(', '))
        .action(get),
    )
    .addCommand(
      remoteCommand('set')
        .description("Change one of the facility's settings.")
        .argument('<setting>', keys.join(', '))
        .argument(
          '<value>',
          'the new value; true or false, a number, a word, or none where nothing is a value',
        )
        .action(set),
    )
}

function keyOf(setting: string): Key {
  const key = keys.find((name) => name === setting)
  if (key === undefined)
    throw new UsageError(`There is no setting "${setting}". There are: ${keys.join(', ')}.`)
  return key
}

async function get(setting: string | undefined, flags: RemoteFlags): Promise<void> {
  const key = setting === undefined ? undefined : keyOf(setting)
  await using remote = await openRemote(flags)
  const settings = await remote.api.settings.get.query()
  if (key !== undefined) {
    if (flags.json) printJson(settings[key])
    else print(text(settings[key]))
  } else if (flags.json) printJson(settings)
  else for (const line of facts(keys.map((name) => [name, text(settings[name])] as const))) print(line)
}

async function set(setting: string, value: string, flags: RemoteFlags): Promise<void> {
  const key = keyOf(setting)
  const parsed = parseValue(key, value)
  await using remote = await openRemote(flags)
  const { version } = await remote.api.settings.get.query()
  const settings = await remote.api.settings.update.mutate({ version, [key]: parsed })
  if (flags.json) printJson(settings)
  else print(`${key} is ${text(settings[key])} now.`)
}

/** The value as the contract's schema wants it; the first reading that the schema takes. */
function parseValue(key: Key, value: string): unknown {
  const readings: unknown[] = [value]
  if (/^-?\d{1,15}$/.test(value)) readings.unshift(Number(value))
  if (value === 'true' || value === 'false') readings.unshift(value === 'true')
  if (value === 'none') readings.unshift(null)
  for (const reading of readings) if (fields[key].safeParse(reading).success) return reading
  const refusal = fields[key].safeParse(readings[0])
  throw new UsageError(
    `${key} cannot be "${value}": ${refusal.error ? z.prettifyError(refusal.error).replace(/^✖ /, '') : 'not valid'}.`,
  )
}

function text(value: FacilitySettings[Key]): string {
  return value === null ? 'none' : String(value)
}
