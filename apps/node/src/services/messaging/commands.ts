/**
 * How entries come into a channel. A channel's entries have a dense sequence from 1 up; editing and deleting are
 * entries of their own that change an earlier one, so that whoever resumes after a sequence misses nothing.
 */
import { createHash } from 'node:crypto'
import type { EntryKind, Priority } from '@holdfast/api/contract/names'
import { entryKinds, priorities } from '@holdfast/api/contract/names'
import { type Applying, refuse } from '../../state/applying.ts'
import type { DeleteCommand, EditCommand, MarksCommand, MessageCommand } from '../../state/commands.ts'
import { type ChannelRecord, mayPost, type PersonRecord } from '../../state/directory.ts'
import type { EntriesEffect, MarkRow } from '../../state/effects.ts'
import { channelNoOf, messageKey, seqOf } from '../../state/keys.ts'

/** Result of a send, edit or delete: the sequence, and whether the id had been stored before. */
export interface Stored {
  seq: number
  duplicate?: true
}

interface MessageRow {
  key: number
  sender: number
  clientId: string
  at: number
  kind: number
  revision: number | null
  body: string
}

const insertSql =
  'INSERT INTO message (key, sender, clientId, at, kind, priority, target, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (sender, clientId) DO NOTHING'

interface NewEntry {
  channel: ChannelRecord
  person: PersonRecord
  clientId: string
  kind: EntryKind
  priority: number
  target: number | null
  /** What the row stores; an edit's text lives in its target. */
  stored: string
  /** What the frame shows. */
  body: string
}

/** Appends entries and gathers, for each channel of the batch, the frames that go out and the head to be stored. */
export class EntryWriter {
  readonly applying: Applying
  private open = new Map<number, { channel: ChannelRecord; effect: EntriesEffect }>()
  private count = 0

  constructor(applying: Applying) {
    this.applying = applying
  }

  reset(): void {
    this.open.clear()
    this.count = 0
  }

  /** Entries since the last call. */
  takeCount(): number {
    const count = this.count
    this.count = 0
    return count
  }

  append(entry: NewEntry): Stored {
    const { channel, person, clientId } = entry
    const { applying } = this
    const seq = channel.head + 1
    const kind = entryKinds.indexOf(entry.kind)
    const inserted = applying.run(
      insertSql,
      messageKey(channel.no, seq),
      person.no,
      clientId,
      applying.at,
      kind,
      entry.priority,
      entry.target,
      entry.stored,
    )
    if (inserted.changes === 0) return this.duplicate(entry)
    channel.head = seq
    channel.lastAt = applying.at
    this.count += 1
    const effect = this.effectOf(channel)
    const frame = frameText(entry, seq, applying.at)
    effect.text = effect.text === '' ? frame : `${effect.text},${frame}`
    effect.head = seq
    effect.count += 1
    return { seq }
  }

  /** Stores the heads of the channels written to; the effects stay in order with the batch's others. */
  flush(): void {
    for (const { channel } of this.open.values()) {
      this.applying.run(
        'UPDATE channel SET head = ?, lastAt = ? WHERE no = ?',
        channel.head,
        channel.lastAt,
        channel.no,
      )
    }
    this.open.clear()
  }

  private effectOf(channel: ChannelRecord): EntriesEffect {
    let open = this.open.get(channel.no)
    if (open === undefined) {
      open = {
        channel,
        effect: { e: 'entries', channelNo: channel.no, head: channel.head, count: 0, text: '' },
      }
      this.open.set(channel.no, open)
      this.applying.effects.push(open.effect)
    }
    return open.effect
  }

  /** The id was stored before: the same sequence again, so that sending twice is sending once. */
  private duplicate({ channel, person, clientId, kind }: NewEntry): Stored {
    return (
      storedBefore(this.applying, { channelNo: channel.no, personNo: person.no, clientId, kind }) ??
      refuse('internal', `The message ${clientId} could not be stored.`)
    )
  }
}

/** What an earlier command with the same id came to; null when there was none. */
function storedBefore(
  applying: Applying,
  {
    channelNo,
    personNo,
    clientId,
    kind,
  }: { channelNo: number; personNo: number; clientId: string; kind: EntryKind },
): Stored | null {
  const row = applying.get<{ key: number; kind: number }>(
    'SELECT key, kind FROM message WHERE sender = ? AND clientId = ?',
    personNo,
    clientId,
  )
  if (row === undefined) return null
  if (channelNoOf(row.key) !== channelNo || entryKinds[row.kind] !== kind) {
    return refuse(
      'conflict',
      `The id ${clientId} was used before for something else; give each frame an id of its own.`,
    )
  }
  return { seq: seqOf(row.key), duplicate: true }
}

function frameText(entry: NewEntry, seq: number, at: number): string {
  let text = `{"t":"entry","channel":"${entry.channel.id}","seq":${seq},"id":${JSON.stringify(entry.clientId)},"from":"${entry.person.id}","at":${at},"kind":"${entry.kind}","body":${JSON.stringify(entry.body)}`
  if (entry.priority !== 0) text += `,"priority":"${priorities[entry.priority] as Priority}"`
  if (entry.target !== null) text += `,"target":${entry.target}`
  return `${text}}`
}

function poster(
  applying: Applying,
  channelNo: number,
  personNo: number,
): { channel: ChannelRecord; person: PersonRecord } {
  const channel = applying.directory.channelsByNo.get(channelNo)
  const person = applying.directory.peopleByNo.get(personNo)
  if (channel === undefined || person === undefined || !channel.members.has(personNo)) {
    return refuse('not-member', 'You are not a member of this channel.')
  }
  if (person.status !== 'active') return refuse('session-ended', 'This account is suspended.')
  if (channel.archivedAt !== null)
    return refuse('channel-archived', 'This channel is archived; nothing can be sent to it.')
  return { channel, person }
}

/** Returns the plain sequence, the cheapest form of the commonest outcome; a duplicate says so. */
export function applyMessage(entries: EntryWriter, command: MessageCommand): number | { value: Stored } {
  const [, channelNo, personNo, clientId, body, priority, reply] = command
  const { channel, person } = poster(entries.applying, channelNo, personNo)
  if (!mayPost(channel, personNo))
    refuse('forbidden', 'Only posters and managers may write in an announcement channel.')
  if (reply !== null && (reply < 1 || reply > channel.head))
    refuse('not-found', `Entry ${reply}, which the message answers, does not exist in this channel.`)
  const stored = entries.append({
    channel,
    person,
    clientId,
    kind: 'text',
    priority,
    target: reply,
    stored: body,
    body,
  })
  return stored.duplicate ? { value: stored } : stored.seq
}

export function applyEdit(entries: EntryWriter, command: EditCommand): Stored {
  const [, channelNo, personNo, clientId, target, body] = command
  const { applying } = entries
  const { channel, person } = poster(applying, channelNo, personNo)
  const earlier = storedBefore(applying, { channelNo, personNo, clientId, kind: 'edit' })
  if (earlier) return earlier
  const row = changeable(applying, channel, target)
  if (row.sender !== personNo) refuse('forbidden', 'Only its author may edit a message.')
  const stored = entries.append({
    channel,
    person,
    clientId,
    kind: 'edit',
    priority: 0,
    target,
    stored: '',
    body,
  })
  applying.run('UPDATE message SET body = ?, revision = ? WHERE key = ?', body, stored.seq, row.key)
  applying.audit(actorOf(person), {
    action: 'message.edited',
    target: channel.id,
    detail: { seq: target, by: stored.seq, before: digest(row.body), after: digest(body) },
  })
  return stored
}

export function applyDelete(entries: EntryWriter, command: DeleteCommand): Stored {
  const [, channelNo, personNo, clientId, target] = command
  const { applying } = entries
  const { channel, person } = poster(applying, channelNo, personNo)
  const earlier = storedBefore(applying, { channelNo, personNo, clientId, kind: 'delete' })
  if (earlier) return earlier
  const row = changeable(applying, channel, target)
  const manager = channel.members.get(personNo)?.role === 'manager' || person.role === 'owner'
  if (row.sender !== personNo && !manager)
    refuse('forbidden', 'Only its author or a manager of the channel may delete a message.')
  const stored = entries.append({
    channel,
    person,
    clientId,
    kind: 'delete',
    priority: 0,
    target,
    stored: '',
    body: '',
  })
  applying.run("UPDATE message SET body = '', revision = ? WHERE key = ?", stored.seq, row.key)
  applying.audit(actorOf(person), {
    action: 'message.deleted',
    target: channel.id,
    detail: { seq: target, by: stored.seq, before: digest(row.body) },
  })
  return stored
}

/** The row of a text entry that still has its text. An empty body is the tombstone: no text can be empty. */
function changeable(applying: Applying, channel: ChannelRecord, seq: number): MessageRow {
  const row = applying.get<MessageRow>('SELECT * FROM message WHERE key = ?', messageKey(channel.no, seq))
  if (row === undefined || row.kind !== 0)
    return refuse('not-found', `There is no message ${seq} in this channel.`)
  if (row.body === '') return refuse('conflict', `Message ${seq} was deleted.`)
  return row
}

export function applyMarks(applying: Applying, [, marks]: MarksCommand): void {
  const moved: MarkRow[] = []
  for (const [channelNo, personNo, delivered, read] of marks) {
    const channel = applying.directory.channelsByNo.get(channelNo)
    if (!channel?.members.has(personNo)) continue
    const row = applying.get<{ delivered: number; read: number }>(
      'SELECT delivered, read FROM mark WHERE channelNo = ? AND personNo = ?',
      channelNo,
      personNo,
    )
    const newRead = Math.max(row?.read ?? 0, Math.min(read, channel.head))
    const newDelivered = Math.max(row?.delivered ?? 0, Math.min(delivered, channel.head), newRead)
    if (row !== undefined && row.delivered === newDelivered && row.read === newRead) continue
    applying.run(
      'INSERT INTO mark (channelNo, personNo, delivered, read) VALUES (?, ?, ?, ?) ON CONFLICT (channelNo, personNo) DO UPDATE SET delivered = excluded.delivered, read = excluded.read',
      channelNo,
      personNo,
      newDelivered,
      newRead,
    )
    moved.push([channelNo, personNo, newDelivered, newRead])
  }
  if (moved.length > 0) applying.effects.push({ e: 'marks', marks: moved })
}

const actorOf = (person: PersonRecord) => ({ id: person.id, name: person.name, remote: '' })
const digest = (body: string): string => createHash('sha256').update(body).digest('hex')
