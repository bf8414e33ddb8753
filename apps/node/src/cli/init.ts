import { Command } from 'commander'
import { facts, print, printJson } from './output.ts'
import { readNewPassword } from './secrets.ts'

interface InitFlags {
  data: string
  facility: string
  node: string
  admin: string
  displayName?: string
  adminPasswordFile?: string
  json?: boolean
}

export function initCommand(): Command {
  return new Command('init')
    .requiredOption('--data <dir>', 'folder of everything the node keeps; made when missing')
    .requiredOption('--facility <name>', 'name of the facility')
    .requiredOption('--node <name>', 'name of this node')
    .requiredOption('--admin <user>', 'login name of the first owner')
    .option('--display-name <name>', "the owner's name as people see it")
    .option(
      '--admin-password-file <file>',
      "file with the owner's password; - reads standard input; asked for without it",
    )
    .option('--json', 'print one JSON value')
    .addHelpText(
      'after',
      '\nPrints the recovery codes of the owner once. Print them and lock them away.\nAfterwards: holdfast serve --data DIR',
    )
    .action(init)
}

async function init(flags: InitFlags): Promise<void> {
  const adminPassword = await readNewPassword({
    file: flags.adminPasswordFile,
    flag: '--admin-password-file',
    prompt: `New password of ${flags.admin}: `,
  })
  const { initNode } = await import('../init-node.ts')
  const made = await initNode({
    dataDir: flags.data,
    facility: flags.facility,
    nodeName: flags.node,
    admin: flags.admin,
    adminPassword,
    ...(flags.displayName === undefined ? {} : { displayName: flags.displayName }),
  })
  if (flags.json) {
    printJson(made)
    return
  }
  const lines = facts([
    ['Facility', flags.facility],
    ['Node', `${flags.node} (${made.nodeId})`],
    ['Owner', flags.admin],
    ['CA fingerprint', made.caFingerprint],
  ])
  for (const line of lines) print(line)
  print('\nRecovery codes of the owner. Each works once. Print them and lock them away:')
  for (const code of made.recoveryCodes) print(`  ${code}`)
  print(`\nRun the node:  holdfast serve --data ${flags.data}`)
}
