import type { AuditView } from '@holdfast/api/services'
import { Command } from 'commander'
import { integer, moment, rows as rowCount } from './arguments.ts'
import { checkProofFile, checkpoint, keys, prove } from './audit-proof.ts'
import { verify } from './audit-verify.ts'
import { nodeCommand } from './cluster-common.ts'
import { newFile } from './files.ts'
import { count, dateTime, note, print, printJson, printRows } from './output.ts'
import { openRemote, type RemoteFlags, remoteCommand } from './remote.ts'

const limitDefault = 50
/** Events in one answer of the export. */
const exportPage = 5000

export function auditCommand(): Command {
  return new Command('audit')
    .addCommand(
      nodeCommand('verify')
        .description(
          'Prove that no byte of the audit log was changed, removed or moved. Exit code 1 when one was.',
        )
        .option('--data <dir>', 'check the data folder of a stopped node on this machine, without any login')
        .option(
          '--against <source>',
          'also compare it with a checkpoint: a file, or the address of another node of the cluster (https://NODE:7443)',
        )
        .action(verify),
    )
    .addCommand(
      remoteCommand('checkpoint')
        .description('Print the newest signed checkpoint, to be kept elsewhere for verify --against.')
        .option('--new', 'make one now, when there are events that none covers')
        .action(checkpoint),
    )
    .addCommand(
      remoteCommand('keys')
        .description("Print the keys by which the nodes' signatures are verified, one in a line.")
        .action(keys),
    )
    .addCommand(
      remoteCommand('prove')
        .description('Prove that an event is in the log: prints JSON that can be checked without any node.')
        .argument('<seq>', 'number of the event', integer(1, 0xffff_ffff))
        .option('--out <file>', 'write to a new file instead of standard output')
        .action(prove),
    )
    .addCommand(
      new Command('check-proof')
        .description('Check a proof that prove made, without any node. Exit code 1 when it does not hold.')
        .argument('<file>', 'the proof')
        .option(
          '--keys <file>',
          'the keys to trust, as printed by keys; without it those in the proof itself',
        )
        .option('--json', 'print JSON')
        .action(checkProofFile),
    )
    .addCommand(
      remoteCommand('search')
        .description('Find events, newest first.')
        .option('--text <text>', 'only events with this text')
        .option('--action <action>', 'only this action; with a dot at the end, all that begin so')
        .option('--actor <name>', 'only what this person did')
        .option('--target <id>', 'only what was done to this')
        .option('--from <moment>', 'not before: 2026-03-01, 2026-03-01T14:00 or 12h', moment)
        .option('--to <moment>', 'not after', moment)
        .option('--limit <n>', 'at most so many', rowCount, limitDefault)
        .action(search),
    )
    .addCommand(
      remoteCommand('export')
        .description('Take the audit log away as JSON lines, exactly as in the segment files.')
        .option('--out <file>', 'write to a new file instead of standard output')
        .option('--from-seq <seq>', 'begin at this event', integer(1, 0xffff_ffff), 1)
        .action(exportLog),
    )
}

interface SearchFlags extends RemoteFlags {
  text?: string
  action?: string
  actor?: string
  target?: string
  from?: number
  to?: number
  limit: number
}

async function search(flags: SearchFlags): Promise<void> {
  await using remote = await openRemote(flags)
  const { profile: _, json, ...query } = flags
  const { rows, total } = await remote.api.audit.search.query(query)
  printRows(rows, {
    json,
    empty: 'There is no such event.',
    columns: [
      { title: 'seq', value: (row) => row.seq, right: true },
      { title: 'when', value: (row) => dateTime(row.at) },
      { title: 'who', value: (row) => row.actorName || row.actor },
      { title: 'action', value: (row) => row.action },
      { title: 'target', value: (row) => row.target },
      { title: 'outcome', value: (row) => row.outcome },
      { title: 'detail', value: detailText },
    ],
  })
  if (total > rows.length) note(`These are ${rows.length} of ${total}; raise --limit or narrow the search.`)
}

function detailText(row: AuditView): string {
  return Object.entries(row.detail)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ')
}

async function exportLog(flags: RemoteFlags & { out?: string; fromSeq: number }): Promise<void> {
  await using remote = await openRemote(flags)
  await using sink = flags.out === undefined ? null : await newFile(flags.out)
  let seq: number | null = flags.fromSeq
  let events = 0
  while (seq !== null) {
    const page: { lines: string; nextSeq: number | null } = await remote.api.audit.export.query({
      fromSeq: seq,
      limit: exportPage,
    })
    const lines = page.lines === '' || page.lines.endsWith('\n') ? page.lines : `${page.lines}\n`
    events += lines.split('\n').length - 1
    if (sink) await sink.writeFile(lines)
    else process.stdout.write(lines)
    seq = page.nextSeq
  }
  if (flags.out !== undefined && !flags.json) print(`${count(events, 'event')} written to ${flags.out}.`)
  else if (flags.out !== undefined) printJson({ events, file: flags.out })
}
