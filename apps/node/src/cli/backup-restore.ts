import { tmpdir } from 'node:os'
import { basename } from 'node:path'
import { nameSchema } from '@holdfast/api/contract/names'
import type { Command } from 'commander'
import type { PreparedNode } from '../services/backup/prepare.ts'
import type { RecoveryKey } from '../services/backup/recovery-key.ts'
import { matching } from './arguments.ts'
import { CommandError } from './errors.ts'
import { readShortFile } from './files.ts'
import { bytes, count, dateTime, green, note, print, printable, printJson } from './output.ts'
import { loadProfile } from './profile.ts'
import { openRemote, type RemoteFlags, remoteCommand } from './remote.ts'
import { readStdin } from './secrets.ts'

interface VerifyFlags extends RemoteFlags {
  keyFile?: string
  work?: string
  record: boolean
}

interface RestoreFlags extends RemoteFlags {
  keyFile: string
  data: string
  node?: string
}

export function verifyCommand(): Command {
  return remoteCommand('verify')
    .description(
      'Prove a backup: decrypt it, check all of it, and make a node of the copy that serves nobody.',
    )
    .argument('<file>', 'a backup')
    .option('--key-file <file>', 'file with the recovery key; - reads standard input')
    .option(
      '--work <dir>',
      'where the decrypted copy lies meanwhile; the folder for temporary files when absent',
    )
    .option('--no-record', 'do not tell the facility that it was proven')
    .addHelpText(
      'after',
      '\nWithout the key only damage is found: whether the file is what was written, not whether it can be restored.\nThe decrypted copy is removed at the end. Needs one and a half times the size of the database there.',
    )
    .action(verify)
}

export function restoreCommand(): Command {
  return remoteCommand('restore')
    .description('Restore a backup into an empty folder, as a single node of its facility.')
    .argument('<file>', 'a backup')
    .requiredOption('--data <dir>', 'empty folder of the new node; made when missing')
    .requiredOption('--key-file <file>', 'file with the recovery key; - reads standard input')
    .option(
      '--node <name>',
      'name of the node; that of the node which made the backup when absent',
      matching(nameSchema),
    )
    .addHelpText(
      'after',
      '\nAfterwards: holdfast serve --data DIR. It is a node with a new id and certificate by the same CA; sessions have ended, devices stay enrolled.\nThe node that it replaces must not run any more. To a cluster again: holdfast cluster create, then invite the others.',
    )
    .action(restore)
}

async function verify(file: string, flags: VerifyFlags): Promise<void> {
  if (flags.keyFile === undefined) return verifyOuter(file, flags)
  const key = await readKey(flags.keyFile)
  const { proveBackup } = await import('../services/backup/prove.ts')
  const startedAt = performance.now()
  const proven = await readable(file, () =>
    proveBackup({ file, key, workFolder: flags.work ?? tmpdir(), say: sayer(flags) }),
  )
  const tookMs = Math.round(performance.now() - startedAt)
  const recorded = flags.record && (await record(proven, { file, flags }))
  if (flags.json) return printJson({ proven: true, recorded, tookMs, ...summary(proven) })
  print(`${green('The backup can be restored')}: it was, in ${(tookMs / 1000).toFixed(1)} s.`)
  tell(proven)
  if (recorded) print('That it was proven is recorded in the facility.')
}

async function verifyOuter(file: string, flags: VerifyFlags): Promise<void> {
  const { checkOuter } = await import('../services/backup/read-backup.ts')
  const { about, bytes: size, sha256 } = await readable(file, () => checkOuter(file))
  if (flags.json) return printJson({ proven: false, ...about, bytes: size, sha256 })
  print(`The file is what was written (${bytes(size)}, SHA-256 ${sha256}).`)
  print(
    'NOT proven: without the recovery key nobody can tell whether it can be restored. Give --key-file FILE.',
  )
  const { facility, node, createdAt, index, recipient } = about
  print(
    `It says of itself: ${printable(facility)}, ${printable(node.name)}, ${dateTime(createdAt)}, entry ${index}.`,
  )
  print(`Encrypted for ${printable(recipient)}`)
}

async function restore(file: string, flags: RestoreFlags): Promise<void> {
  const key = await readKey(flags.keyFile)
  const { restoreBackup } = await import('../services/backup/restore.ts')
  const restored = await readable(file, () =>
    restoreBackup({
      file,
      key,
      dataDir: flags.data,
      say: sayer(flags),
      ...(flags.node === undefined ? {} : { nodeName: flags.node }),
    }),
  )
  if (flags.json) return printJson(summary(restored))
  print(
    `${flags.data} is the node ${printable(restored.nodeName)} of ${printable(restored.manifest.facility)}.`,
  )
  tell(restored)
  print(
    'Everybody has to sign in again. What was revoked, suspended or changed after that moment has to be again.',
  )
  print(`Run it:  holdfast serve --data ${flags.data}`)
}

function tell({ manifest, messages, people, audit, caFingerprint }: PreparedNode): void {
  print(
    `State of ${dateTime(manifest.createdAt)} on ${printable(manifest.node.name)}, entry ${manifest.index} of the log: ${count(messages, 'message')}, ${count(people, 'person', 'people')}, ${count(manifest.audit.seq, 'audit event')}, ${count(audit.checkpoints, 'signed checkpoint')}.`,
  )
  print(`CA fingerprint ${caFingerprint}`)
  if (!manifest.caughtUp)
    print('It was made without a quorum: other nodes may have acknowledged more than this one knew.')
}

function summary({ head, manifest, messages, people, nodeId, nodeName, audit }: PreparedNode) {
  const { facility, createdAt, index, chain, generation, caughtUp, version } = manifest
  return {
    facility,
    madeBy: manifest.node.name,
    version,
    createdAt,
    index,
    chain,
    generation,
    caughtUp,
    audit: manifest.audit,
    auditOk: audit.ok,
    checkpoints: audit.checkpoints,
    sha256: head.sha256,
    messages,
    people,
    nodeId,
    nodeName,
  }
}

function sayer(flags: RemoteFlags): (step: string) => void {
  return flags.json ? () => {} : (step) => note(`${step}…`)
}

async function readKey(file: string): Promise<RecoveryKey> {
  const { keyFileBytes, parseRecoveryKey } = await import('../services/backup/recovery-key.ts')
  return parseRecoveryKey(
    file === '-' ? await readStdin() : await readShortFile(file, keyFileBytes, 'recovery key'),
  )
}

/** A file that is not there is the command line's fault. */
async function readable<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException
    if (path !== file || (code !== 'ENOENT' && code !== 'EACCES' && code !== 'EISDIR')) throw error
    throw new CommandError(`The backup ${file} cannot be read (${code}).`, { cause: error })
  }
}

/** Tells the facility, where somebody is logged in to it. That it cannot be told proves nothing against the backup. */
async function record(
  { head, manifest }: PreparedNode,
  { file, flags }: { file: string; flags: VerifyFlags },
): Promise<boolean> {
  if ((await loadProfile(flags.profile))?.token == null) {
    note('Not recorded: nobody is logged in here (holdfast login).')
    return false
  }
  try {
    await using remote = await openRemote(flags)
    const { facility } = await remote.api.setup.state.query()
    if (facility !== manifest.facility)
      throw new CommandError(`this login is for another facility (${printable(facility ?? '')})`)
    const { index, audit } = manifest
    await remote.api.backups.proven.mutate({
      file: basename(file),
      sha256: head.sha256,
      index,
      auditSeq: audit.seq,
    })
    return true
  } catch (error) {
    note(`Not recorded: ${(error as Error).message}`)
    return false
  }
}
