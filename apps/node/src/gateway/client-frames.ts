import { type ErrorCode, HoldfastError } from '@holdfast/api/contract/errors'
import type { ClientFrame, ServerFrame } from '@holdfast/api/contract/frames'
import { limits } from '@holdfast/api/contract/limits'
import { priorities } from '@holdfast/api/contract/names'
import { allowed } from '@holdfast/api/contract/policy'
import type { Log } from '../log/log.ts'
import type { Clock } from '../platform/clock.ts'
import type { Reader } from '../reader/reader.ts'
import type { SecurityEvents } from '../services/audit/security-events.ts'
import type { SessionGuard } from '../services/auth/session-guard.ts'
import type { Stored } from '../services/messaging/commands.ts'
import type { MarkCollector } from '../services/messaging/mark-collector.ts'
import type { Metrics } from '../services/overview/metrics.ts'
import type { Presence } from '../services/presence/presence.ts'
import { currentBranch } from '../state/branches.ts'
import { type ChannelRecord, type Directory, mayPost } from '../state/directory.ts'
import type { ChannelStates } from './channel-states.ts'
import type { Connection } from './connection.ts'
import { checkFrame, type Fault, type FrameHandlers, frameId, takesPart } from './frames.ts'
import type { Gateway } from './gateway.ts'
import type { TypingRelay } from './typing-relay.ts'

export interface ClientFramesOptions {
  gateway: Gateway
  log: Log
  reader: Reader
  directory: Directory
  sessions: SessionGuard
  security: SecurityEvents
  presence: Presence
  marks: MarkCollector
  channelStates: ChannelStates
  metrics: Metrics
  clock: Clock
  /** Tells other nodes who types; null on a single node. */
  typing?: Pick<TypingRelay, 'tell'> | null
  /** Why messages are refused just now, such as a full disk; null when they are not. */
  refusal: () => HoldfastError | null
}

/** What each client frame does. Checks from memory come first; the state machine decides again when it applies. */
export class ClientFrames implements FrameHandlers {
  private readonly o: ClientFramesOptions

  constructor(options: ClientFramesOptions) {
    this.o = options
  }

  handle(connection: Connection, value: unknown): Fault | null {
    const frame = checkFrame(value)
    if (!('t' in frame)) return frame
    try {
      this.authorize(connection, frame)
      this.dispatch(connection, frame)
      return null
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error
      return { error, id: frameId(frame), counts: false }
    }
  }

  private authorize(connection: Connection, frame: ClientFrame): void {
    const role =
      connection.personNo === 0 ? null : (this.o.directory.peopleByNo.get(connection.personNo)?.role ?? null)
    if (allowed(`frame.${frame.t}`, role)) return
    if (role === null) throw new HoldfastError('unauthenticated', 'Send an auth frame first.')
    const { personId: id, meta } = connection
    const name = this.o.directory.people.get(id)?.name ?? ''
    this.o.security.refused({ id, name, remote: meta.remote }, `frame.${frame.t}`, `role ${role}`)
    throw new HoldfastError('forbidden', `Your role (${role}) may not do this (${frame.t}).`)
  }

  private dispatch(connection: Connection, frame: ClientFrame): void {
    switch (frame.t) {
      case 'send':
        this.send(connection, frame)
        break
      case 'mark':
        this.mark(connection, frame)
        break
      case 'ping':
        connection.send(frame.id === undefined ? { t: 'pong' } : { t: 'pong', id: frame.id })
        break
      case 'auth':
        void this.auth(connection, frame)
        break
      case 'sync':
        this.read(connection, () => this.sync(connection, frame.since))
        break
      case 'history':
        this.read(connection, () => this.history(connection, frame))
        break
      case 'edit':
      case 'delete':
        this.change(connection, frame)
        break
      case 'presence':
        connection.away = frame.state === 'away'
        this.o.presence.changed(connection)
        break
      case 'watch':
        connection.watchesPresence = frame.presence
        if (frame.presence) connection.send({ t: 'presence', people: this.o.presence.list() })
        break
      case 'typing':
        this.typing(connection, frame.channel)
    }
  }

  private typing(connection: Connection, channelId: string): void {
    const channel = this.channelOf(connection, channelId)
    const text = JSON.stringify({
      t: 'typing',
      channel: channel.id,
      person: connection.personId,
    } satisfies ServerFrame)
    this.o.gateway.fanOut.toChannel(channel.no, text, connection)
    this.o.typing?.tell(channel.id, connection.personId)
  }

  private async auth(connection: Connection, frame: Extract<ClientFrame, { t: 'auth' }>): Promise<void> {
    const { gateway, sessions, directory, clock } = this.o
    try {
      if (connection.personNo !== 0)
        throw new HoldfastError('conflict', 'This connection is authenticated already.')
      const { nonce } = connection
      if (nonce === '') throw new HoldfastError('conflict', 'One auth frame at a time.')
      connection.nonce = ''
      const token = frame.token ?? connection.meta.cookieToken
      if (token === null)
        throw new HoldfastError('unauthenticated', 'Sign in first: the auth frame has no token.')
      const caller = await sessions.authenticateSocket({
        token,
        proof: frame.proof ?? null,
        nonce,
        remote: connection.meta.remote,
      })
      if (connection.closed) return
      const person = directory.people.get(caller.personId)
      if (person === undefined)
        throw new HoldfastError('session-ended', 'This session has ended; sign in again.')
      if (gateway.fanOut.ofPerson(person.no).size >= limits.connectionsPerPerson)
        throw new HoldfastError(
          'too-many',
          `One person can have ${limits.connectionsPerPerson} connections at once.`,
        )
      connection.personNo = person.no
      connection.personId = person.id
      connection.sessionId = caller.sessionId
      connection.deviceId = caller.deviceId
      connection.client = frame.client ?? connection.meta.userAgent
      connection.talks = takesPart(person.role)
      const { nodes } = gateway
      gateway.ready(connection, {
        t: 'ready',
        person: { id: person.id, name: person.name, displayName: person.displayName, role: person.role },
        session: caller.sessionId,
        device: caller.deviceId,
        channels: connection.talks ? this.o.channelStates.all(person.no, frame.branch) : [],
        at: clock.now(),
        branch: currentBranch(directory),
        ...(nodes.length > 0 && { nodes }),
      })
    } catch (error) {
      const { code, message } = asRefusal(error)
      connection.send({ t: 'error', code, message, fatal: true })
      gateway.close(connection, closeCodeOf(code), message)
    }
  }

  private send(connection: Connection, frame: Extract<ClientFrame, { t: 'send' }>): void {
    const { metrics, clock } = this.o
    const channel = this.postable(connection, frame)
    if (channel === null) return
    const priority = frame.priority === undefined ? 0 : priorities.indexOf(frame.priority)
    const { id } = frame
    const startedAt = clock.monotonic()
    this.propose(
      connection,
      { id, channelId: channel.id },
      `[0,${channel.no},${connection.personNo},${JSON.stringify(id)},${JSON.stringify(frame.body)},${priority},${frame.reply ?? null}]`,
      (seq) => {
        metrics.messageStored(clock.monotonic() - startedAt)
        this.readOwn(connection, channel.no, seq)
      },
    )
  }

  private change(connection: Connection, frame: Extract<ClientFrame, { t: 'edit' | 'delete' }>): void {
    const channel = this.channelOf(connection, frame.channel)
    const common = `${channel.no},${connection.personNo},${JSON.stringify(frame.id)},${frame.seq}`
    this.propose(
      connection,
      { id: frame.id, channelId: channel.id },
      frame.t === 'edit' ? `[1,${common},${JSON.stringify(frame.body)}]` : `[2,${common}]`,
      noop,
    )
  }

  /** Offers a command and answers the client's frame when it is durable, or says why it is not. */
  private propose(
    connection: Connection,
    { id, channelId }: { id: string; channelId: string },
    command: string,
    stored: (seq: number) => void,
  ): void {
    const refusal = this.o.refusal()
    if (refusal) throw refusal
    if (connection.inflight >= limits.inflightSends)
      throw new HoldfastError(
        'busy',
        `At most ${limits.inflightSends} messages may wait for their acknowledgement.`,
      )
    this.o.log.propose(command, (error, value, at) => {
      connection.inflight -= 1
      if (connection.closed) return
      if (error) {
        this.o.gateway.fail(connection, error, id)
        return
      }
      const result = value as number | Stored
      stored(typeof result === 'number' ? result : result.seq)
      if (connection.push(ackText(id, channelId, result, at))) this.o.gateway.due(connection)
    })
    connection.inflight += 1
  }

  private mark(connection: Connection, frame: Extract<ClientFrame, { t: 'mark' }>): void {
    const channel = this.channelOf(connection, frame.channel)
    const read = Math.min(frame.read ?? 0, channel.head)
    this.o.marks.mark(channel.no, connection.personNo, frame.delivered ?? 0, read)
    connection.ownRead.set(channel.no, Math.max(read, connection.ownRead.get(channel.no) ?? 0))
  }

  /** Who has read everything before his own message has read that one too: nobody's own words are unread to him. */
  private readOwn(connection: Connection, channelNo: number, seq: number): void {
    const { ownRead, personNo } = connection
    const known = ownRead.get(channelNo) ?? 0
    // Another device may have read further; the database knows.
    const read = known >= seq - 1 ? known : Math.max(known, this.storedRead(channelNo, personNo))
    if (read < seq - 1) return
    ownRead.set(channelNo, Math.max(read, seq))
    this.o.marks.mark(channelNo, personNo, seq, seq)
  }

  private storedRead(channelNo: number, personNo: number): number {
    return this.o.channelStates.mark(channelNo, personNo)?.read ?? 0
  }

  /** Reads of one connection run one after the other, each when the client has taken what came before. */
  private read(connection: Connection, job: () => Promise<void>): void {
    if (connection.reads >= limits.inflightReads)
      throw new HoldfastError('busy', `At most ${limits.inflightReads} pages may be asked for at once.`)
    connection.reads += 1
    const previous = connection.lastRead
    const run = async (): Promise<void> => {
      if (previous) await previous
      if (!connection.closed) await job()
      connection.reads -= 1
      if (connection.reads === 0) connection.lastRead = null
    }
    connection.lastRead = run()
  }

  /** Pages of everything after the client's newest sequences, one channel after the other, then `synced`. */
  private async sync(connection: Connection, since: Record<string, number>): Promise<void> {
    try {
      for (const [channelId, seq] of Object.entries(since)) {
        const channel = this.o.directory.channels.get(channelId)
        if (!channel?.members.has(connection.personNo) || channel.head <= seq) continue
        await this.sendPage(connection, channel, { after: seq, limit: limits.pageEntries }).catch(unlessLeft)
        if (connection.closed) return
      }
      connection.send({ t: 'synced' })
    } catch (error) {
      this.o.gateway.fail(connection, asRefusal(error))
    }
  }

  private async history(
    connection: Connection,
    frame: Extract<ClientFrame, { t: 'history' }>,
  ): Promise<void> {
    try {
      const channel = this.channelOf(connection, frame.channel)
      await this.sendPage(
        connection,
        channel,
        { before: frame.before, after: frame.after, limit: frame.limit ?? 50 },
        frame.id,
      )
    } catch (error) {
      this.o.gateway.fail(connection, asRefusal(error), frame.id)
    }
  }

  private async sendPage(
    connection: Connection,
    channel: ChannelRecord,
    range: { before?: number | undefined; after?: number | undefined; limit: number },
    id?: number | string,
  ): Promise<void> {
    await connection.drained()
    const { text, more } = await this.o.reader.ask('page', {
      channelNo: channel.no,
      channelId: channel.id,
      ...range,
    })
    // Membership may have ended while the page was read.
    const now = this.channelOf(connection, channel.id)
    connection.sendText(
      `{"t":"page","channel":"${channel.id}",${id === undefined ? '' : `"id":${JSON.stringify(id)},`}"entries":[${text}],"floor":${now.floor},"head":${now.head},"more":${more}}`,
    )
  }

  /**
   * The channel, if the person may write in it now. A message that was stored while he still might is answered as the
   * duplicate it is (null): whoever sends again after a cut line must learn that his message is safe.
   */
  private postable(connection: Connection, frame: Extract<ClientFrame, { t: 'send' }>): ChannelRecord | null {
    try {
      const channel = this.channelOf(connection, frame.channel)
      if (channel.archivedAt !== null)
        throw new HoldfastError('channel-archived', 'This channel is archived; nothing can be sent to it.')
      if (!mayPost(channel, connection.personNo))
        throw new HoldfastError(
          'forbidden',
          'Only posters and managers may write in an announcement channel.',
        )
      return channel
    } catch (refusal) {
      const { id, channel } = frame
      const sent = this.o.channelStates.sentBefore(channel, connection.personNo, id)
      if (sent === null) throw refusal
      if (connection.push(ackText(id, channel, { seq: sent.seq, duplicate: true }, sent.at)))
        this.o.gateway.due(connection)
      return null
    }
  }

  private channelOf(connection: Connection, id: string): ChannelRecord {
    const channel = this.o.directory.channels.get(id)
    if (channel === undefined || !channel.members.has(connection.personNo))
      throw new HoldfastError('not-member', 'You are not a member of this channel.')
    return channel
  }
}

function ackText(id: string, channelId: string, value: number | Stored, at: number): string {
  const seq = typeof value === 'number' ? value : value.seq
  const duplicate = typeof value !== 'number' && value.duplicate ? ',"duplicate":true' : ''
  return `{"t":"ack","id":${JSON.stringify(id)},"channel":"${channelId}","seq":${seq},"at":${at}${duplicate}}`
}

function asRefusal(error: unknown): HoldfastError {
  return error instanceof HoldfastError
    ? error
    : new HoldfastError('internal', 'The node could not do this; its log says why.', { cause: error })
}

function closeCodeOf(code: ErrorCode): number {
  if (code === 'device-revoked' || code === 'session-ended') return 4403
  if (code === 'too-many') return 4429
  return 4401
}

/** Who left a channel while it was read for him gets nothing of it, and the rest as before. */
function unlessLeft(error: unknown): void {
  if (!(error instanceof HoldfastError) || error.code !== 'not-member') throw error
}

function noop(): void {}
