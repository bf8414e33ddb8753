/**
 * Makes docs/reference/command-line.md from the definitions of the commands: `node apps/node/src/cli/reference-doc.ts`
 * writes it, and a test fails while it is not current.
 */
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Argument, Command, Option } from 'commander'
import { buildWholeProgram } from './program.ts'

export const referencePath = fileURLToPath(
  new URL('../../../../docs/reference/command-line.md', import.meta.url),
)

const introduction = `# The command line

Made from the definitions in \`apps/node/src/cli\` by \`node apps/node/src/cli/reference-doc.ts\`; change it there.

\`holdfast\` is one program: the daemon (\`serve\`), what an installer needs on the machine (\`init\`, \`doctor\`, \`discover\`), and everything that
people do on a terminal. In a checkout it is \`bin/holdfast\`.

- **Exit codes**: 0 done, 1 refused or failed, 2 the command line was wrong. Failures are one line on standard error.
- **\`--json\`**: one JSON value, or one per line where there are many. Messages for people go to standard error.
- **Logins** are kept per profile in \`$XDG_CONFIG_HOME/holdfast\` (else \`~/.config/holdfast\`): \`PROFILE.json\` with address, CA and token,
  \`PROFILE.key\` with the key of this device, both readable by their owner only. A profile trusts the CA in it and no other.
- **Passwords** come from a file, from standard input (\`-\`), or are asked for. They are never arguments, which every user of a machine can read.
- **Colours** only on a terminal, and not with \`NO_COLOR\`. \`HOLDFAST_DEBUG=1\` adds the stack to a failure.
- A **channel** is its name or id, or \`@name\` for the direct one with a person. A **person** is a login name or id.
`

/** The whole document. */
export async function renderReference(): Promise<string> {
  const program = await buildWholeProgram()
  const sections = program.commands.map((command) => section(command, 'holdfast', 2))
  return `${introduction}\n${sections.join('\n')}`
}

function section(command: Command, parent: string, level: number): string {
  const path = `${parent} ${command.name()}`
  const heading = `${'#'.repeat(level)} ${path}\n\n${sentence(command.description())}\n`
  if (command.commands.length > 0)
    return `${heading}\n${command.commands.map((child) => section(child, path, level + 1)).join('\n')}`
  const usage = `\`\`\`\n${path} ${command.usage()}\n\`\`\`\n`
  const rows = [...command.registeredArguments.map(argumentRow), ...command.options.map(optionRow)]
  const table = rows.length === 0 ? '' : `\n| argument or flag | meaning |\n|---|---|\n${rows.join('\n')}\n`
  return `${heading}\n${usage}${table}${remarks(command)}`
}

function argumentRow(argument: Argument): string {
  return `| \`${argument.required ? `<${argument.name()}>` : `[${argument.name()}]`}\` | ${cell(argument.description)} |`
}

function optionRow(option: Option): string {
  const preset: unknown = option.defaultValue
  const shown = preset === undefined || preset === true ? '' : ` Default: \`${String(preset)}\`.`
  return `| \`${option.flags}\` | ${cell(sentence(option.description))}${option.mandatory ? ' **Must be given.**' : ''}${shown} |`
}

/** What the help says below the flags. */
function remarks(command: Command): string {
  let text = ''
  command.configureOutput({ writeOut: (chunk) => (text += chunk) })
  command.outputHelp()
  const after = text.slice(command.helpInformation().length).trim()
  return after === '' ? '' : `\n${after}\n`
}

function sentence(text: string): string {
  if (text === '') return ''
  const first = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(first) ? first : `${first}.`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}

if (import.meta.main) {
  await writeFile(referencePath, await renderReference())
  console.log(`Wrote ${referencePath}`)
}
