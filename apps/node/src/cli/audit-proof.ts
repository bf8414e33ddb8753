/** Taking away what proves the audit log elsewhere: checkpoints, keys, and proofs of single events. */
import { CommandError } from './errors.ts'
import { newFile, readShortFile } from './files.ts'
import {
  count,
  dateTime,
  green,
  note,
  notePainted,
  print,
  printable,
  printJson,
  printRows,
  red,
} from './output.ts'
import { openRemote, type RemoteFlags } from './remote.ts'
import { exitCodes } from './run.ts'

/** Bytes of a file with keys. */
const maxKeysBytes = 64 * 1024

export async function checkpoint(flags: RemoteFlags & { new?: boolean }): Promise<void> {
  await using remote = await openRemote(flags)
  const { audit } = remote.api
  const status = flags.new ? await audit.takeCheckpoint.mutate() : await audit.checkpoint.query({})
  if (flags.json) return printJson(status)
  const { newest, disputes } = status
  if (newest === null)
    throw new CommandError('There is no checkpoint yet. Make one: holdfast audit checkpoint --new')
  process.stdout.write(newest.note)
  const signers = newest.signatures.map(({ name }) => name).join(', ')
  note(`${count(newest.size, 'event')}, ${dateTime(newest.at)}, signed by ${signers || 'no known key'}.`)
  for (const each of disputes)
    notePainted(
      red(`${printable(each.name)} does not confirm the checkpoint of ${count(each.size, 'event')}.`),
    )
}

export async function keys(flags: RemoteFlags): Promise<void> {
  await using remote = await openRemote(flags)
  const { nodes } = await remote.api.audit.checkpoint.query({})
  if (flags.json) {
    printRows(nodes, { json: true, empty: '', columns: [] })
    return
  }
  for (const { name, key } of nodes) {
    if (key === null) note(`${printable(name)} has published no key yet.`)
    else print(key)
  }
}

export async function prove(seq: number, flags: RemoteFlags & { out?: string }): Promise<void> {
  await using remote = await openRemote(flags)
  const proof = await remote.api.audit.prove.query({ seq })
  const text = `${JSON.stringify(proof, null, 2)}\n`
  if (flags.out === undefined) {
    process.stdout.write(text)
    return
  }
  await using file = await newFile(flags.out)
  await file.writeFile(text)
  if (flags.json) printJson({ seq, file: flags.out })
  else print(`The proof of event ${seq} is in ${flags.out}.`)
}

export async function checkProofFile(file: string, flags: { keys?: string; json?: boolean }): Promise<void> {
  const { checkProof, maxProofBytes, parseProof } = await import('../services/audit/proof.ts')
  const text = await readShortFile(file, maxProofBytes, 'proof of an audit event')
  let proof: ReturnType<typeof parseProof>
  try {
    proof = parseProof(text)
  } catch (cause) {
    throw new CommandError(`${file} holds no proof of an audit event: ${(cause as Error).message}.`, {
      cause,
    })
  }
  const trusted = flags.keys === undefined ? proof.keys : await readKeys(flags.keys)
  const proved = checkProof(proof, trusted)
  const ok = typeof proved !== 'string'
  if (flags.json) printJson(ok ? { ok, trusted: flags.keys !== undefined, ...proved } : { ok, why: proved })
  else if (!ok) print(`${red('The proof does not hold')}: ${printable(proved)}`)
  else {
    const { event, size, signedBy } = proved
    print(
      `${green('The event is in the audit log')}: number ${event.seq} of ${size}, signed by ${signedBy.join(', ')}.`,
    )
    print(printable(proof.event))
    if (flags.keys === undefined)
      note('The keys are those that the proof names itself. Name the keys that you trust with --keys.')
  }
  if (!ok) process.exitCode = exitCodes.refused
}

async function readKeys(file: string): Promise<string[]> {
  const { parseKey } = await import('../services/audit/signed-note.ts')
  const text = await readShortFile(file, maxKeysBytes, 'keys')
  const lines = text.split('\n').map((line) => line.trim())
  const keys = lines.filter((line) => line !== '')
  const wrong = keys.find((key) => parseKey(key) === null)
  if (wrong !== undefined)
    throw new CommandError(
      `${file} has a line that is no key: ${printable(wrong.slice(0, 80))}. Use the output of: holdfast audit keys`,
    )
  return keys
}
