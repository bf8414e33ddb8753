import { percentile } from '../driver/meter.ts'
import { Texts } from '../driver/words.ts'
import { BenchError } from '../lib/bench-error.ts'
import type { RunningHoldfast } from '../lib/holdfast.ts'
import type { Progress } from '../lib/progress.ts'
import type { TrpcClient } from '../lib/trpc.ts'
import { rareWord } from './fill.ts'
import type { ProtocolClient } from './protocol-client.ts'

const pageEntries = 50
const largestPage = 200
const pageProbes = 500
const resumeEntries = 1_000
const resumeProbes = 20
const searchProbes = 40
const indexPollMs = 250

export interface Times {
  p50Ms: number
  p99Ms: number
}

/** A page of 50 before a random place of a random channel. */
export function probePages(client: ProtocolClient): Promise<Times> {
  const filled = client.channels.filter(({ head }) => head > pageEntries)
  return timed(pageProbes, async () => {
    const channel = filled[Math.floor(Math.random() * filled.length)]!
    const before = pageEntries + 1 + Math.floor(Math.random() * (channel.head - pageEntries))
    const page = await client.page({ channel: channel.id, before, limit: pageEntries })
    if (page.entries.length !== pageEntries) throw new BenchError(`a page had ${page.entries.length} entries`)
  })
}

/** What a client does that was away while 1,000 messages came into a channel. */
export function probeResume(client: ProtocolClient): Promise<Times> {
  const channel = client.channels.find(({ head }) => head > resumeEntries)
  if (!channel) throw new BenchError(`no channel has more than ${resumeEntries} messages`)
  return timed(resumeProbes, async () => {
    const since = channel.head - resumeEntries
    const entries = await client.resume(channel.id, since, largestPage)
    const isDense = entries.every((entry, index) => entry.seq === since + 1 + index)
    if (entries.length !== resumeEntries || !isDense) throw new BenchError('a resume left a gap')
  })
}

/** Searches for a word that a handful of messages contain. */
export function probeRareSearch(member: TrpcClient): Promise<Times> {
  return timed(searchProbes, () => search(member, rareWord))
}

/** Searches for words each of which stands in about one message of a hundred. */
export function probeCommonSearch(member: TrpcClient): Promise<Times> {
  const { words } = new Texts()
  return timed(searchProbes, (probe) => search(member, words[(probe * 97) % words.length]!))
}

async function search(member: TrpcClient, text: string): Promise<void> {
  const { hits } = await member.query<{ hits: unknown[] }>('messages.search', { text })
  if (hits.length === 0) throw new BenchError(`a search for ${text} found nothing`)
}

/** Waits until the full-text index has everything; returns the seconds. */
export async function indexCaughtUp(node: RunningHoldfast, progress: Progress): Promise<number> {
  const startedAt = performance.now()
  for (;;) {
    const { searchLag } = await node.admin.query<{ searchLag: number }>('overview.status')
    if (searchLag === 0) return (performance.now() - startedAt) / 1_000
    progress.detail(`indexing, ${searchLag.toLocaleString('en-US')} to go`)
    await new Promise((resolve) => setTimeout(resolve, indexPollMs))
  }
}

async function timed(probes: number, probe: (index: number) => Promise<void>): Promise<Times> {
  const timesMs: number[] = []
  for (let index = 0; index < probes; index++) {
    const startedAt = performance.now()
    await probe(index)
    timesMs.push(performance.now() - startedAt)
  }
  const sorted = Float64Array.from(timesMs).sort()
  return { p50Ms: percentile(sorted, 50), p99Ms: percentile(sorted, 99) }
}
