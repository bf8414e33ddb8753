import { Command } from 'commander'
import { type Subcommand, subcommands } from './registry.ts'
import { version } from './version.ts'

/**
 * The program with the subcommand that `args` names; with all of them in outline where the help is wanted.
 * Everything that goes wrong in it throws, so that `run` is the only place with an exit code.
 */
export async function buildProgram(args: readonly string[]): Promise<Command> {
  const program = outline()
  const wanted = args[0] === 'help' ? args[1] : args.find((arg) => !arg.startsWith('-'))
  for (const [name, subcommand] of Object.entries(subcommands))
    program.addCommand(name === wanted ? await load(name, subcommand) : summary(name, subcommand))
  return throwing(program)
}

/** The program with every definition loaded, for the reference. */
export async function buildWholeProgram(): Promise<Command> {
  const program = outline()
  for (const [name, subcommand] of Object.entries(subcommands))
    program.addCommand(await load(name, subcommand))
  return throwing(program)
}

function outline(): Command {
  return new Command('holdfast')
    .description('Secure messaging for places with no internet.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .showSuggestionAfterError()
}

async function load(name: string, subcommand: Subcommand): Promise<Command> {
  const command = (await subcommand.load()).name(name).summary(subcommand.summary)
  if (command.description() === '') command.description(sentence(subcommand.summary))
  return command
}

function summary(name: string, subcommand: Subcommand): Command {
  return new Command(name).summary(subcommand.summary).description(sentence(subcommand.summary))
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

function throwing(command: Command): Command {
  command.exitOverride()
  // One line, as every other failure; a suggestion stands behind the reason.
  command.configureOutput({
    outputError: (text, write) =>
      write(
        `${text
          .replace(/^error: /, 'holdfast: ')
          .trimEnd()
          .replaceAll('\n', ' ')}\n`,
      ),
  })
  for (const child of command.commands) throwing(child)
  return command
}
