/**
 * Whether nodes kept what a load was promised: nothing acknowledged is lost or doubled, the channels are whole and the
 * same everywhere, and so are state and audit log.
 */
import { createHash, type Hash } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as later } from 'node:timers/promises'
import { openDatabase } from '@holdfast/db'
import type Database from 'better-sqlite3'
import { verifyAudit } from '../../src/services/audit/verify.ts'
import { channelNoOf, seqOf } from '../../src/state/keys.ts'
import { type Heard, heardLine, type LoadRecord, messageIdOf } from './load-record.ts'

export interface VerifiedNode {
  name: string
  dataDir: string
}

/** What was found, each counted once for every place where it was found. */
export interface Violations {
  /** Acknowledged messages that a node does not have. */
  lost: number
  /** Messages that a node has twice, or places that were acknowledged to two messages. */
  doubled: number
  /** Acknowledged messages that stand elsewhere than the acknowledgement said, or with another text. */
  misplaced: number
  /** Channels whose sequences are not 1, 2, 3, … up to their head. */
  gaps: number
  /** Channels whose entries are not the same in the same order as on the first node. */
  disordered: number
  /** Channels of which a reader was given something else than its node has. */
  misheard: number
  /** Nodes whose applied index, state chain or audit head differs from the first one's. */
  diverged: number
  /** Databases whose integrity check fails. */
  damaged: number
  /** Nodes whose audit log does not verify. */
  unproved: number
  /** What the load itself found wrong. */
  troubles: number
}

export interface VerifyReport extends Violations {
  ok: boolean
  acknowledged: number
  /** Messages on the first node. */
  stored: number
  /** By number of the phase in which they were acknowledged. */
  lostByPhase: Record<number, number>
  doubledByPhase: Record<number, number>
  /** What was found, in words; the first of them. */
  faults: string[]
}

const maxFaults = 50
/** A running node has what it acknowledged, and needs a moment to write its audit files; a hang guard. */
const settleGuardMs = 60_000
const settlePollMs = 100

export interface VerifyOptions {
  nodes: readonly VerifiedNode[]
  record: LoadRecord
  /** The nodes run, with nobody sending: waits until they have applied the same and have written it. */
  running?: boolean
  /** The nodes were stopped one by one: some may have applied more, and only equal indexes say something. */
  stoppedApart?: boolean
}

export async function verify(options: VerifyOptions): Promise<VerifyReport> {
  const { nodes, record, running = false, stoppedApart = false } = options
  const findings = new Findings()
  // A cluster goes on by itself, so that running nodes are compared at one moment, and what follows is read later.
  if (running) await compareRunning(nodes, findings)
  const sameIndex = !running && !stoppedApart
  const promised = promises(record, findings)
  let first: NodeState | null = null
  let stored = 0
  for (const [number, node] of nodes.entries()) {
    const state = examine(node, { record, promised, number, findings })
    if (state !== null && first === null) stored = state.messages
    else if (state !== null && first !== null) {
      compareChannels(first, state, findings)
      const alike = first.applied.index === state.applied.index
      if (sameIndex || (stoppedApart && alike)) compareApplied(first, state, findings)
    }
    first ??= state
    await checkAudit(node, running, findings)
  }
  for (const trouble of record.troubles) findings.add('troubles', `the load: ${trouble}`)
  return { ...findings.report(), acknowledged: record.acknowledged.length, stored }
}

class Findings {
  readonly #counts: Violations = {
    lost: 0,
    doubled: 0,
    misplaced: 0,
    gaps: 0,
    disordered: 0,
    misheard: 0,
    diverged: 0,
    damaged: 0,
    unproved: 0,
    troubles: 0,
  }
  readonly #faults: string[] = []
  readonly #lostByPhase: Record<number, number> = {}
  readonly #doubledByPhase: Record<number, number> = {}

  add(kind: keyof Violations, fault: string, phase?: number): void {
    this.#counts[kind] += 1
    if (this.#faults.length < maxFaults) this.#faults.push(`${kind}: ${fault}`)
    if (phase === undefined) return
    if (kind === 'lost') this.#lostByPhase[phase] = (this.#lostByPhase[phase] ?? 0) + 1
    if (kind === 'doubled') this.#doubledByPhase[phase] = (this.#doubledByPhase[phase] ?? 0) + 1
  }

  report() {
    return {
      ok: Object.values(this.#counts).every((count) => count === 0),
      ...this.#counts,
      lostByPhase: this.#lostByPhase,
      doubledByPhase: this.#doubledByPhase,
      faults: this.#faults,
    }
  }
}

interface Promised {
  id: string
  channel: string
  seq: number
  phase: number
}

/** What was acknowledged, by sender and id; two messages with one place, or one with two, are found here. */
function promises(record: LoadRecord, findings: Findings): Map<string, Promised> {
  const promised = new Map<string, Promised>()
  const places = new Map<string, string>()
  for (const [writer, no, channelNumber, seq, phase] of record.acknowledged) {
    const sender = record.writers[writer] ?? ''
    const id = messageIdOf(record.tag, writer, no)
    const channel = record.channels[channelNumber] ?? ''
    const place = `${channel} ${seq}`
    const other = places.get(place) ?? (promised.has(`${sender} ${id}`) ? id : undefined)
    if (other !== undefined)
      findings.add('doubled', `entry ${seq} of ${channel} was acknowledged to ${other} and ${id}`, phase)
    places.set(place, id)
    promised.set(`${sender} ${id}`, { id, channel, seq, phase })
  }
  return promised
}

interface NodeState {
  name: string
  applied: { index: number; chain: string; auditSeq: number; auditHash: string }
  messages: number
  /** Digest of the entries, by channel id. */
  channels: Map<string, string>
}

interface Question {
  record: LoadRecord
  promised: ReadonlyMap<string, Promised>
  /** Number of the node in the load's plan. */
  number: number
  findings: Findings
}

/** What a node has; null when its database cannot be read to the end. */
function examine(node: VerifiedNode, question: Question): NodeState | null {
  let damage: string | null = null
  try {
    const db = openDatabase(join(node.dataDir, 'cluster.db'), { role: 'reader', readonly: true })
    try {
      damage = integrityFault(db)
      // One state of the database for all that follows, also while the node runs.
      return db.transaction(() => readState(db, node.name, question))()
    } finally {
      db.close()
    }
  } catch (error) {
    damage = (error as Error).message
    return null
  } finally {
    if (damage !== null) question.findings.add('damaged', `${node.name}: ${damage}`)
  }
}

function integrityFault(db: Database.Database): string | null {
  try {
    const lines = db.pragma('integrity_check(3)') as { integrity_check: string }[]
    const text = lines.map((line) => line.integrity_check).join('; ')
    return text === 'ok' ? null : text
  } catch (error) {
    return (error as Error).message
  }
}

interface ChannelRow {
  id: string
  no: number
  head: number
  floor: number
}

type MessageRow = [
  key: number,
  sender: number,
  clientId: string,
  at: number,
  kind: number,
  priority: number,
  target: number | null,
  revision: number | null,
  body: string,
]

function readState(db: Database.Database, name: string, question: Question): NodeState {
  const rows = db.prepare('SELECT id, no, head, floor FROM channel').all() as ChannelRow[]
  const channels = new Map(rows.map((row) => [row.no, new ChannelCheck(row, name, question)]))
  const people = new Map(db.prepare('SELECT no, id FROM person').raw().all() as [number, string][])
  const seen = new Set<string>()
  const found = new Set<string>()
  let messages = 0
  // By the table itself and not by an index, which might say something else.
  const all = db
    .prepare<[], MessageRow>(
      `SELECT key, sender, clientId, at, kind, priority, target, revision, body FROM message NOT INDEXED ORDER BY key`,
    )
    .raw()
    .iterate()
  for (const row of all) {
    const [key, sender, clientId, , , , , , body] = row
    messages += 1
    const identity = `${people.get(sender)} ${clientId}`
    const promise = question.promised.get(identity)
    const channel = channels.get(channelNoOf(key))
    if (seen.has(identity)) question.findings.add('doubled', `${name} has ${identity} twice`, promise?.phase)
    seen.add(identity)
    channel?.entry(row, people.get(sender) ?? '')
    if (!channel) question.findings.add('gaps', `${name} has an entry of no channel, ${key}`)
    if (!promise || found.has(identity)) continue
    found.add(identity)
    if (promise.channel !== channel?.id || promise.seq !== seqOf(key))
      question.findings.add(
        'misplaced',
        `${name} has ${clientId} as entry ${seqOf(key)} of ${channel?.id}, acknowledged was ${promise.seq} of ${promise.channel}`,
      )
    else if (!body.startsWith(clientId))
      question.findings.add('misplaced', `${name} has another text under ${clientId}`)
  }
  for (const [identity, { id, channel, seq, phase }] of question.promised) {
    if (!found.has(identity))
      question.findings.add('lost', `${name} lacks ${id}, acknowledged as entry ${seq} of ${channel}`, phase)
  }
  for (const channel of channels.values()) channel.finish()
  return { name, applied: appliedOf(db), messages, channels: digests(channels.values()) }
}

const digests = (channels: Iterable<ChannelCheck>) =>
  new Map(Array.from(channels, (channel) => [channel.id, channel.digest]))

function appliedOf(db: Database.Database): NodeState['applied'] {
  return db
    .prepare(
      'SELECT "index", lower(hex(chain)) AS chain, auditSeq, lower(hex(auditHash)) AS auditHash FROM applied',
    )
    .get() as NodeState['applied']
}

/** Goes along a channel's entries: are they dense, what do they come to, and is it what the readers were given? */
class ChannelCheck {
  readonly id: string
  readonly #row: ChannelRow
  readonly #name: string
  readonly #findings: Findings
  readonly #hash = createHash('sha256')
  readonly #listeners: { heard: Heard; hash: Hash; told: boolean }[]
  #next: number
  #broken = false

  constructor(row: ChannelRow, name: string, { record, number, findings }: Question) {
    this.id = row.id
    this.#row = row
    this.#name = name
    this.#findings = findings
    this.#next = row.floor
    const channel = record.channels.indexOf(row.id)
    this.#listeners = record.heard
      .filter((heard) => heard.node === number && heard.channel === channel)
      .map((heard) => ({ heard, hash: createHash('sha256'), told: false }))
  }

  get digest(): string {
    return this.#hash.copy().digest('hex')
  }

  entry(row: MessageRow, from: string): void {
    const [key, , id] = row
    const seq = seqOf(key)
    if (seq !== this.#next) this.#gap(`${seq} stands where ${this.#next} should`)
    this.#next = seq + 1
    this.#hash.update(`${JSON.stringify(row)}\n`)
    for (const { heard, hash } of this.#listeners)
      if (seq >= heard.first && seq <= heard.last) hash.update(heardLine({ seq, from, id }))
  }

  finish(): void {
    const { head } = this.#row
    if (this.#next !== head + 1) this.#gap(`its head is ${head} and its newest entry ${this.#next - 1}`)
    for (const { heard, hash } of this.#listeners) {
      if (hash.digest('hex') === heard.digest && heard.last <= head) continue
      const what = `entries ${heard.first} to ${heard.last} of ${this.id}`
      this.#findings.add('misheard', `a reader of ${this.#name} was given other ${what} than it has`)
    }
  }

  #gap(fault: string): void {
    if (!this.#broken) this.#findings.add('gaps', `${this.#name}: channel ${this.id}: ${fault}`)
    this.#broken = true
  }
}

function compareChannels(first: NodeState, other: NodeState, findings: Findings): void {
  const names = `${first.name} and ${other.name}`
  for (const id of new Set([...first.channels.keys(), ...other.channels.keys()])) {
    if (first.channels.get(id) !== other.channels.get(id))
      findings.add('disordered', `channel ${id} differs between ${names}`)
  }
}

type Comparable = Pick<NodeState, 'name' | 'applied'>

function compareApplied(first: Comparable, other: Comparable, findings: Findings): void {
  const names = `${first.name} and ${other.name}`
  if (JSON.stringify(first.applied) !== JSON.stringify(other.applied))
    findings.add(
      'diverged',
      `${names}: ${JSON.stringify(first.applied)} and ${JSON.stringify(other.applied)}`,
    )
}

async function checkAudit(node: VerifiedNode, running: boolean, findings: Findings): Promise<void> {
  const look = () =>
    verifyAudit({ directory: join(node.dataDir, 'audit'), database: join(node.dataDir, 'cluster.db') })
  const deadline = performance.now() + (running ? settleGuardMs : 0)
  let verdict = await look()
  // Files are written from the rows a moment later.
  while (!verdict.ok && performance.now() < deadline) {
    await later(settlePollMs)
    verdict = await look()
  }
  if (!verdict.ok) findings.add('unproved', `${node.name}: ${verdict.faults.join('; ')}`)
}

/** Waits until the nodes have applied the same, and tells when they do not come to it. */
async function compareRunning(nodes: readonly VerifiedNode[], findings: Findings): Promise<void> {
  const open = (node: VerifiedNode) =>
    openDatabase(join(node.dataDir, 'cluster.db'), { role: 'reader', readonly: true })
  const databases = nodes.map(open)
  try {
    const deadline = performance.now() + settleGuardMs
    const look = () => nodes.map(({ name }, i) => ({ name, applied: appliedOf(databases[i]!) }))
    let states = look()
    const differ = () => new Set(states.map(({ applied }) => JSON.stringify(applied))).size > 1
    while (differ() && performance.now() < deadline) {
      await later(settlePollMs)
      states = look()
    }
    const [first, ...others] = states
    for (const other of others) if (first) compareApplied(first, other, findings)
  } finally {
    for (const db of databases) db.close()
  }
}
