import { recoveryKeyText } from '@holdfast/api/contract/recovery-key-text'
import { Command } from 'commander'
import { CommandError } from './errors.ts'
import { newFile } from './files.ts'
import { note, print, printJson } from './output.ts'
import { openRemote, type RemoteFlags, remoteCommand } from './remote.ts'
import { ask } from './secrets.ts'

interface KeyFlags extends RemoteFlags {
  out?: string
  replace?: boolean
}

export function backupKeyCommand(): Command {
  return new Command('key')
    .description('Look after the recovery key, for which backups are encrypted.')
    .addCommand(
      remoteCommand('create')
        .description('Make the recovery key here, show it once, and tell the facility its public half.')
        .option('--out <file>', 'write it to a new file, such as one on a USB stick, instead of printing it')
        .option(
          '--replace',
          'replace the one there is without a question; old backups keep needing the old one',
        )
        .addHelpText(
          'after',
          '\nThe secret half never reaches a node. Without it no backup can be opened: keep it on paper or on a USB stick, twice.',
        )
        .action(create),
    )
    .addCommand(remoteCommand('show').description('Show the public half, which is no secret.').action(show))
}

async function create(flags: KeyFlags): Promise<void> {
  await using remote = await openRemote(flags)
  const { settings } = await remote.api.backups.status.query()
  if (settings.recipient !== null && !flags.replace) await confirm(settings.recipient)
  const { newRecoveryKey } = await import('../services/backup/recovery-key.ts')
  const { facility } = await remote.api.setup.state.query()
  const key = await newRecoveryKey()
  const text = recoveryKeyText(key, facility ?? '', Date.now())
  // First the secret is safe, then the facility is told: never the other way round.
  if (flags.out !== undefined) {
    await using file = await newFile(flags.out)
    await file.writeFile(text)
    await file.sync()
  }
  const { version } = settings
  await remote.api.backups.setKey.mutate({ version, recipient: key.recipient })
  if (flags.json)
    return printJson({
      recipient: key.recipient,
      ...(flags.out === undefined ? { secret: key.secret } : { file: flags.out }),
    })
  if (flags.out === undefined) {
    print(text.trimEnd())
    note('This is shown once. Print it or write it down, compare it, and keep it where no node is.')
  } else
    note(
      `The recovery key is in ${flags.out}. Take it away from this machine, and keep a second copy on paper.`,
    )
}

async function confirm(recipient: string): Promise<void> {
  if (!process.stdin.isTTY)
    throw new CommandError(
      `The facility has a recovery key (${recipient}). Give --replace to make a new one; old backups keep needing the old one.`,
    )
  note(`There is one already: ${recipient}. Backups made so far keep needing it.`)
  if ((await ask('Make a new one? Type yes: ')).trim() !== 'yes')
    throw new CommandError('Nothing was changed.')
}

async function show(flags: RemoteFlags): Promise<void> {
  await using remote = await openRemote(flags)
  const { recipient } = (await remote.api.backups.status.query()).settings
  if (flags.json) return printJson({ recipient })
  if (recipient === null) throw new CommandError('There is none. Make one: holdfast backup key create')
  print(recipient)
}
