import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import * as z from 'zod'
import {
  type Config,
  type ConfigInput,
  type ConfigKey,
  configKeys,
  configSchema,
  flagName,
  settingsFileName,
  variableName,
} from './config.ts'
import { ConfigError } from './errors.ts'

type Raw = Partial<Record<ConfigKey, unknown>>

/**
 * Puts a node's settings together; see config.ts for the order.
 *
 * @param sources.flags settings given on the command line; undefined ones count as not given
 * @param sources.variables the HOLDFAST_ variables, see readEnvironment
 * @throws ConfigError in one line that names the setting and where it came from
 */
export async function loadConfig(sources: {
  flags: ConfigInput
  variables: Readonly<Record<string, string>>
}): Promise<Config> {
  const flags = Object.fromEntries(
    Object.entries(sources.flags).filter(([, value]) => value !== undefined),
  ) as Raw
  const variables = fromVariables(sources.variables)
  const dataDir = flags.dataDir ?? variables.dataDir
  if (typeof dataDir !== 'string' || dataDir === '') {
    throw new ConfigError(
      `No data folder is set: give ${flagName('dataDir')} DIR or set ${variableName('dataDir')}.`,
    )
  }
  const path = join(dataDir, settingsFileName)
  const file = await fromFile(path)
  const parsed = configSchema.safeParse({ ...file, ...variables, ...flags })
  if (!parsed.success) {
    const origin = (key: ConfigKey) =>
      key in flags ? flagName(key) : key in variables ? variableName(key) : path
    throw new ConfigError(explain(parsed.error, origin), { cause: parsed.error })
  }
  const { publicNames, clusterAddress } = parsed.data
  // The other nodes look for the name in the certificate, as clients do.
  const names = clusterAddress === null ? publicNames : [...new Set([...publicNames, clusterAddress])]
  return { ...parsed.data, publicNames: names, dataDir: resolve(dataDir) }
}

/** Reads what is text in a variable as the setting's type; what cannot be read stays text and fails the schema. */
function fromVariables(variables: Readonly<Record<string, string>>): Raw {
  const keys = new Map(configKeys.map((key) => [variableName(key), key]))
  const raw: Raw = {}
  for (const [name, text] of Object.entries(variables)) {
    const key = keys.get(name)
    if (key === undefined) {
      throw new ConfigError(
        `The variable ${name} is not a setting: unset it, or use one of ${[...keys.keys()].join(', ')}.`,
      )
    }
    raw[key] = fromText(key, text)
  }
  return raw
}

/** A setting as text, from a variable or a flag: numbers in digits, lists with commas. */
export function fromText(key: ConfigKey, text: string): unknown {
  const schema = configSchema.shape[key].def
  const inner = 'innerType' in schema ? schema.innerType : null
  if (inner instanceof z.ZodNumber) return /^\d{1,15}$/.test(text) ? Number(text) : text
  if (inner instanceof z.ZodArray) {
    return text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
  }
  return text
}

async function fromFile(path: string): Promise<Raw> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw new ConfigError(`The settings file ${path} cannot be read: ${(error as Error).message}.`, {
      cause: error,
    })
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new ConfigError(`The settings file ${path} is not JSON: ${(error as Error).message}.`, {
      cause: error,
    })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ConfigError(`The settings file ${path} must hold one JSON object, such as {"port": 7443}.`)
  }
  if ('dataDir' in value) {
    throw new ConfigError(
      `The settings file ${path} cannot set dataDir, because it lies in that folder: remove it.`,
    )
  }
  for (const key of Object.keys(value)) {
    if (!(configKeys as string[]).includes(key)) {
      const known = configKeys.filter((k) => k !== 'dataDir').join(', ')
      throw new ConfigError(`The settings file ${path} has an unknown setting "${key}"; known are ${known}.`)
    }
  }
  return value as Raw
}

function explain(error: z.ZodError, origin: (key: ConfigKey) => string): string {
  const issue = error.issues[0]!
  if (issue.code === 'unrecognized_keys') return `Unknown setting: ${issue.keys.join(', ')}.`
  const [key, ...rest] = issue.path as [ConfigKey, ...PropertyKey[]]
  const place = rest.length > 0 ? `, entry ${rest.map(String).join('.')}` : ''
  return `The setting ${key}${place} (from ${origin(key)}) is wrong: ${issue.message}.`
}
