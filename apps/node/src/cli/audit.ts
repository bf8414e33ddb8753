import { existsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { AuditVerdict, AuditView } from '@holdfast/api/services'
import { Command } from 'commander'
import { integer, moment, rows as rowCount } from './arguments.ts'
import { CommandError } from './errors.ts'
import { count, dateTime, green, note, print, printable, printJson, printRows, red } from './output.ts'
import { openRemote, type RemoteFlags, remoteCommand } from './remote.ts'
import { exitCodes } from './run.ts'

const limitDefault = 50
/** Events in one answer of the export. */
const exportPage = 5000

export function auditCommand(): Command {
  return new Command('audit')
    .addCommand(
      remoteCommand('verify')
        .description(
          'Prove that no byte of the audit log was changed, removed or moved. Exit code 1 when one was.',
        )
        .option('--data <dir>', 'check the data folder of a stopped node on this machine, without any login')
        .action(verify),
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

async function verify(flags: RemoteFlags & { data?: string }): Promise<void> {
  const verdict = flags.data === undefined ? await verifyRemote(flags) : await verifyStopped(flags.data)
  if (flags.json) printJson(verdict)
  else tell(verdict)
  if (!verdict.ok) process.exitCode = exitCodes.refused
}

function tell(verdict: AuditVerdict): void {
  const { events, segments, tookMs, head } = verdict
  if (verdict.ok)
    print(
      `${green('The audit log is whole')}: ${count(events, 'event')} in ${count(segments, 'segment')}, checked in ${tookMs} ms.\nHash of the newest event: ${head}`,
    )
  else {
    print(red('The audit log does not verify:'))
    for (const fault of verdict.faults) print(`  ${printable(fault)}`)
  }
}

async function verifyRemote(flags: RemoteFlags): Promise<AuditVerdict> {
  await using remote = await openRemote(flags)
  return remote.api.audit.verify.mutate()
}

/** The lock is held while it reads: a node that started meanwhile would write what is being compared. */
async function verifyStopped(folder: string): Promise<AuditVerdict> {
  const database = join(folder, 'cluster.db')
  // Asked first, because the lock is a file: a mistyped path must not leave one in a folder of somebody else's.
  if (!existsSync(database))
    throw new CommandError(`There is no node in ${folder} (no cluster.db). Name the data folder of a node.`)
  const [{ acquireLock, LockedError }, { verifyAudit }] = await Promise.all([
    import('@holdfast/db'),
    import('../services/audit/verify.ts'),
  ])
  let lock: Disposable
  try {
    lock = acquireLock(folder)
  } catch (error) {
    if (!(error instanceof LockedError)) throw error
    throw new CommandError(
      `The node of ${folder} is running. Leave out --data to let it check itself, or stop it first.`,
      { cause: error },
    )
  }
  using _ = lock
  return verifyAudit({ directory: join(folder, 'audit'), database })
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

async function newFile(path: string) {
  try {
    return await open(path, 'wx', 0o600)
  } catch (cause) {
    throw new CommandError(`The file ${path} cannot be made: ${(cause as Error).message}.`, { cause })
  }
}
