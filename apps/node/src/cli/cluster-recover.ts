import type { RecoveryPlan } from '@holdfast/api/cluster-services'
import type { Command } from 'commander'
import { type NodeFlags, nodeCommand, openNode } from './cluster-common.ts'
import { CommandError } from './errors.ts'
import { age, count, notePainted, print, printable, printJson, red, table } from './output.ts'
import { ask } from './secrets.ts'

interface RecoverFlags extends NodeFlags {
  plan?: boolean
  confirm?: string
}

export function recoverCommand(): Command {
  return nodeCommand('recover')
    .description('Make the node that is asked the only member, after the others are lost for good.')
    .option('--plan', 'only show what would be lost')
    .option('--confirm <facility>', "the facility's name, to do it without a question")
    .addHelpText(
      'after',
      '\nOnly for nodes that never come back. If one of them can be started again, start it: nothing is lost then.\nAsk every node that is left for its plan first, and recover on the one with the highest index.',
    )
    .action(recover)
}

async function recover(flags: RecoverFlags): Promise<void> {
  await using remote = await openNode(flags)
  const { api } = remote
  const plan = await api.cluster.recoveryPlan.query()
  if (flags.plan) {
    if (flags.json) printJson(plan)
    else for (const line of planLines(plan)) print(line)
    return
  }
  if (!plan.possible) throw new CommandError(plan.reason)
  const { facility } = await api.setup.state.query()
  for (const line of planLines(plan)) notePainted(line)
  const confirm = flags.confirm ?? (await asked(facility ?? ''))
  if (confirm.trim() !== facility)
    throw new CommandError(`"${confirm.trim()}" is not the name of the facility; nothing was changed.`)
  const done = await api.cluster.recover.mutate({ confirm: confirm.trim(), index: plan.index })
  if (flags.json) printJson(done)
  else
    print(
      `The node starts anew as the only member, at entry ${done.index}. Then add others: holdfast cluster invite`,
    )
}

async function asked(facility: string): Promise<string> {
  if (!process.stdin.isTTY)
    throw new CommandError(
      'What is lost cannot be brought back. Give --confirm FACILITY to do it without a question.',
    )
  return ask(`Go on without the others? Type the name of the facility, ${printable(facility)}: `)
}

/** The survivors side by side, then what is lost. */
export function planLines(plan: RecoveryPlan, nowMs = Date.now()): string[] {
  const loss =
    plan.knownLoss === 0
      ? 'No entry is known that this node has not.'
      : red(`${count(plan.knownLoss, 'entry', 'entries')} that others are known to have had would be LOST.`)
  return [
    plan.possible ? printable(plan.reason) : red(`Not now: ${printable(plan.reason)}`),
    ...table(plan.survivors, [
      { title: 'node', value: (row) => `${row.name}${row.self ? ' *' : ''}` },
      { title: 'reached', value: (row) => (row.reachable ? 'yes' : 'no') },
      { title: 'newest entry', value: (row) => row.index, right: true },
      {
        title: 'last seen',
        value: (row) => (row.self ? null : age(row.lastSeenAt, nowMs)),
        right: true,
      },
    ]),
    loss,
    printable(plan.warning),
  ]
}
