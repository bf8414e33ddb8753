/**
 * Makes docs/reference/settings.md from the schema: `node apps/node/src/config/settings-doc.ts` writes it,
 * and a test fails while it is not current.
 */
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'
import {
  type ConfigKey,
  configKeys,
  configSchema,
  flagName,
  settingsFileName,
  variableName,
} from './config.ts'

export const settingsDocPath = fileURLToPath(
  new URL('../../../../docs/reference/settings.md', import.meta.url),
)

interface JsonSchema {
  type?: string
  enum?: string[]
  minimum?: number
  maximum?: number
  items?: JsonSchema
  anyOf?: JsonSchema[]
}

/** Bounds that only say "a safe integer" are noise. */
const unbounded = Number.MAX_SAFE_INTEGER

function typeText(schema: JsonSchema): string {
  if (schema.anyOf) return schema.anyOf.map(typeText).join(' or ')
  if (schema.enum) return schema.enum.map((value) => `\`${value}\``).join(', ')
  if (schema.type === 'array') return `list of ${typeText(schema.items ?? {})}`
  if (schema.type !== 'integer') return schema.type ?? 'any'
  const { minimum = 0, maximum = unbounded } = schema
  return maximum === unbounded ? `integer from ${minimum}` : `integer, ${minimum}–${maximum}`
}

function row(key: ConfigKey): string {
  const field = configSchema.shape[key]
  const schema = z.toJSONSchema(field) as JsonSchema
  const preset = field.safeParse(undefined)
  const presetText = preset.success ? `\`${JSON.stringify(preset.data)}\`` : 'none: must be given'
  return `### ${key}

${field.description ?? ''}

| default | values | flag | variable |
|---|---|---|---|
| ${presetText} | ${typeText(schema)} | \`${flagName(key)}\` | \`${variableName(key)}\` |
`
}

export function renderSettingsDoc(): string {
  return `# Settings of a node

Made from \`apps/node/src/config/config.ts\` by \`node apps/node/src/config/settings-doc.ts\`; change it there.

A setting comes from, the later the stronger: its default, the file \`${settingsFileName}\` in the data folder
(one JSON object; every name below but \`dataDir\`), a variable, a flag of \`holdfast serve\`. A list is written with commas in
variables and flags. A wrong or unknown setting stops the start with one line that names it.

Secrets are never settings: they are files, named by a setting or passed by systemd's \`LoadCredential=\`.
What belongs to the facility and not to one machine (retention, device approval, …) is set in the admin UI.

${configKeys.map(row).join('\n')}`
}

if (import.meta.main) {
  await writeFile(settingsDocPath, renderSettingsDoc())
  console.log(`Wrote ${settingsDocPath}`)
}
