import { connect } from 'node:tls'
import type { EtcdCredentials, EtcdMember, EtcdStatus } from './etcd-client.ts'

/** Election timeouts without a leader that no election needs. */
const patience = 2
/** The same more for each that goes first: one new start mends a link, and two at once would undo each other. */
const patienceForEach = 2
/** Pause between two tries to reach the others, ms. */
const againMs = 300
const reachMs = 1000
/** What etcd is left in peace after a start, doubled each time, ms. */
const firstPeaceMs = 10_000
const lastPeaceMs = 160_000
/** With a leader for so long, all is well again. */
const settledMs = 60_000

export interface HangingLinksOptions {
  /** Milliseconds of a clock that never jumps. */
  now: () => number
  electionMs: number
  /** How many of the others go first, when etcds of a majority, this one included, can be connected to now; else null. */
  reachesMajority: () => Promise<number | null>
  /** Starts etcd anew. */
  restart: (leaderlessMs: number) => void
}

/**
 * Notices an etcd whose connections to the others hang: it has no leader, while new connections to a majority succeed.
 *
 * A connection whose packets were lost for a while is tried again by TCP after pauses that double, up to minutes after the
 * line is mended. etcd means to give up a silent connection after five seconds, and does not: its transport sets a dialer
 * with that timeout beside another one, which Go prefers (etcd 3.5, NewTimeoutTransport). What ends them is a new start.
 */
export class HangingLinks {
  private readonly o: HangingLinksOptions
  /** Since when it has had no leader and reached a majority whenever it tried. */
  private since: number | null = null
  private ledSince: number | null = null
  /** Counts the times without a leader: an answer to a question of an earlier one is of no use. */
  private spell = 0
  private asking = false
  private askAt = 0
  private peaceUntil = 0
  private peaceMs = firstPeaceMs

  constructor(options: HangingLinksOptions) {
    this.o = options
  }

  /** To be called with each word of etcd about itself; null: it does not answer. */
  look(status: Pick<EtcdStatus, 'leader'> | null): void {
    const now = this.o.now()
    if (status === null || status.leader !== null) {
      this.since = null
      this.spell += 1
      this.ledSince = status === null ? null : (this.ledSince ?? now)
      if (this.ledSince !== null && now - this.ledSince > settledMs) this.peaceMs = firstPeaceMs
      return
    }
    this.ledSince = null
    if (this.asking || now < this.askAt || now < this.peaceUntil) return
    this.asking = true
    const { spell } = this
    void this.o
      .reachesMajority()
      .catch(() => null)
      .then((first) => {
        this.asking = false
        this.askAt = this.o.now() + againMs
        if (spell === this.spell) this.reached(first, now)
      })
  }

  private reached(first: number | null, askedAt: number): void {
    const now = this.o.now()
    if (first === null) this.since = null
    else if (this.since === null) this.since = askedAt
    else if (now - this.since >= (patience + first * patienceForEach) * this.o.electionMs) {
      const leaderlessMs = now - this.since
      this.since = null
      this.peaceUntil = now + this.peaceMs
      this.peaceMs = Math.min(this.peaceMs * 2, lastPeaceMs)
      this.o.restart(leaderlessMs)
    }
  }
}

/** How many voters with a smaller id can be connected to, when those that can are a majority with `self`; else null. */
export async function reachesMajority(
  members: readonly EtcdMember[],
  self: string,
  tls: EtcdCredentials,
): Promise<number | null> {
  const voters = members.filter((member) => !member.learner)
  const others = voters.filter((member) => member.id !== self)
  if (others.length === 0) return null
  const answered = await Promise.all(others.map(({ peerUrls: [url = ''] }) => answers(url, tls)))
  const reached = others.filter((_, i) => answered[i])
  const there = reached.length + (voters.length - others.length)
  return there > voters.length / 2 ? reached.filter(({ id }) => BigInt(id) < BigInt(self || 0)).length : null
}

/** Whether the program behind a URL shakes hands; the kernel alone would take a connection for one that stands still. */
function answers(url: string, { ca, certificate, key }: EtcdCredentials): Promise<boolean> {
  if (!URL.canParse(url)) return Promise.resolve(false)
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    const host = hostname.replace(/^\[|\]$/g, '')
    const socket = connect({
      host,
      port: Number(port),
      ca,
      cert: certificate,
      key,
      checkServerIdentity: () => undefined,
    })
    const done = (answer: boolean) => {
      clearTimeout(timer)
      // In order when it shook hands: etcd logs a warning about whoever does not.
      if (answer) socket.end()
      else socket.destroy()
      resolve(answer)
    }
    const timer = setTimeout(() => done(false), reachMs)
    socket.once('secureConnect', () => done(true))
    socket.on('error', () => done(false))
    socket.setTimeout(reachMs, () => socket.destroy())
    socket.resume()
  })
}
