import { Command } from 'commander'
import { print, printJson } from './output.ts'
import { openRemote, type RemoteFlags, remoteCommand } from './remote.ts'
import { readPassword } from './secrets.ts'

export function recoveryCodesCommand(): Command {
  return new Command('recovery-codes').addCommand(
    remoteCommand('renew')
      .description('Make new recovery codes; all that you had before are void.')
      .option(
        '--password-file <file>',
        'file with your password; - reads standard input; asked for without it',
      )
      .addHelpText(
        'after',
        '\nPrints the codes once. Each sets a new password for you, once: holdfast login --recover',
      )
      .action(renew),
  )
}

async function renew(flags: RemoteFlags & { passwordFile?: string }): Promise<void> {
  await using remote = await openRemote(flags)
  const password = await readPassword({
    file: flags.passwordFile,
    flag: '--password-file',
    prompt: `Password of ${remote.profile.user}: `,
  })
  const { recoveryCodes } = await remote.api.auth.renewRecoveryCodes.mutate({ password })
  if (flags.json) {
    printJson({ recoveryCodes })
    return
  }
  print('Your recovery codes. Each works once; the old ones are void. Print them and lock them away:')
  for (const code of recoveryCodes) print(`  ${code}`)
}
