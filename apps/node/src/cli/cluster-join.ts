import { joinCodeCharacters, joinCodeSchema } from '@holdfast/api/contract/cluster-inputs'
import { Command } from 'commander'
import { integer } from './arguments.ts'
import { UsageError } from './errors.ts'
import { note, print, printable, printJson } from './output.ts'
import { readPassword, readStdin } from './secrets.ts'

interface JoinFlags {
  codeFile?: string
  data: string
  node: string
  address?: string
  port?: number
  peerPort?: number
  raftPort?: number
  json?: boolean
}

const port = integer(1, 65_535)

export function joinCommand(): Command {
  return new Command('join')
    .description('Make this machine a member of a cluster, with the code of an invitation.')
    .argument('[code]', 'the code; - reads standard input; asked for without it')
    .requiredOption('--data <dir>', 'folder of everything the node keeps; made when missing')
    .requiredOption('--node <name>', 'name of this node')
    .option('--code-file <file>', 'file with the code; - reads standard input')
    .option('--address <address>', 'where the other nodes reach this one; found out when absent')
    .option('--port <n>', 'HTTPS port that serve will be given, where it is not that of the settings', port)
    .option('--peer-port <n>', 'port between nodes that serve will be given, likewise', port)
    .option('--raft-port <n>', "port between the nodes' etcd that serve will be given, likewise", port)
    .option('--json', 'print one JSON value')
    .addHelpText(
      'after',
      '\nThe folder must not hold a facility, and no node may run on it. Afterwards: holdfast serve --data DIR\nPrefer - or --code-file: every user of a machine can read the arguments of its programs.',
    )
    .action(join)
}

async function join(argument: string | undefined, flags: JoinFlags): Promise<void> {
  const code = joinCodeSchema.safeParse(await readCode(argument, flags.codeFile))
  if (!code.success)
    throw new UsageError(
      `That is no code of an invitation: it has 20 to ${joinCodeCharacters} characters. Make one on a member: holdfast cluster invite`,
    )
  const { joinCluster } = await import('../cluster/join.ts')
  const joined = await joinCluster({
    dataDir: flags.data,
    code: code.data,
    nodeName: flags.node,
    onWait: (reason) => note(`Waiting: ${printable(reason)}`),
    ...(flags.address === undefined ? {} : { address: flags.address }),
    ports: {
      ...(flags.port === undefined ? {} : { httpsPort: flags.port }),
      ...(flags.peerPort === undefined ? {} : { peerPort: flags.peerPort }),
      ...(flags.raftPort === undefined ? {} : { raftPort: flags.raftPort }),
    },
  })
  if (flags.json) return printJson(joined)
  print(`${flags.node} (${joined.nodeId}) belongs to the cluster of ${joined.facility}.`)
  print(`Run the node; it takes the facility's data from the others:  holdfast serve --data ${flags.data}`)
}

async function readCode(argument: string | undefined, file: string | undefined): Promise<string> {
  if (argument !== undefined && file !== undefined)
    throw new UsageError('Give the code or --code-file, not both.')
  if (argument === '-') return (await readStdin()).trim()
  if (argument !== undefined) return argument
  return (
    await readPassword({ file, flag: '--code-file', prompt: 'Code of the invitation: ', what: 'code' })
  ).trim()
}
