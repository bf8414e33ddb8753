import { integer, megabytes, times } from '../lib/report.ts'

export interface Goal {
  goal: string
  value: string
  /** Null when the run was not made for it. */
  reached: boolean | null
}

export interface Judged {
  acknowledgedPerSecond: number
  p50Ms: number
  p99Ms: number
  logPeakRssBytes: number
}

const goals = {
  threeWritersPerSecond: 25_000,
  oneWriterPerSecond: 15_000,
  p50Ms: 25,
  p99Ms: 100,
  timesEtcd: 15,
  rssBytes: 400e6,
  /** How much larger the database may be in the second half of a long run than it was in the first. */
  databaseGrowth: 1.1,
}

/** Of a run with three writers, one with a single writer, and etcd's puts a second; any may be missing. */
export function judge(runs: { three?: Judged; one?: Judged; etcdPerSecond?: number }): Goal[] {
  const { three, one, etcdPerSecond } = runs
  const both = [three, one].flatMap((run) => run ?? [])
  const ratio = three && etcdPerSecond ? three.acknowledgedPerSecond / etcdPerSecond : null
  const worst = (value: (run: Judged) => number) => (both.length === 0 ? null : Math.max(...both.map(value)))
  const atLeast = (value: number | null | undefined, least: number) => (value == null ? null : value >= least)
  const atMost = (value: number | null, most: number) => (value === null ? null : value <= most)
  const show = (value: number | null | undefined, text: (value: number) => string) =>
    value == null ? 'not measured' : text(value)
  const ms = (value: number) => `${value.toFixed(1)} ms`
  const p50 = worst((run) => run.p50Ms)
  const p99 = worst((run) => run.p99Ms)
  const rss = worst((run) => run.logPeakRssBytes)
  return [
    {
      goal: `≥ ${integer(goals.threeWritersPerSecond)}/s from three writers`,
      value: show(three?.acknowledgedPerSecond, integer),
      reached: atLeast(three?.acknowledgedPerSecond, goals.threeWritersPerSecond),
    },
    {
      goal: `≥ ${integer(goals.oneWriterPerSecond)}/s from one writer`,
      value: show(one?.acknowledgedPerSecond, integer),
      reached: atLeast(one?.acknowledgedPerSecond, goals.oneWriterPerSecond),
    },
    { goal: `p50 ≤ ${goals.p50Ms} ms`, value: show(p50, ms), reached: atMost(p50, goals.p50Ms) },
    { goal: `p99 ≤ ${goals.p99Ms} ms`, value: show(p99, ms), reached: atMost(p99, goals.p99Ms) },
    {
      goal: `≥ ${goals.timesEtcd}× etcd's puts`,
      value: show(ratio, times),
      reached: atLeast(ratio, goals.timesEtcd),
    },
    {
      goal: `etcd's RSS ≤ ${megabytes(goals.rssBytes)} MB`,
      value: show(rss, (bytes) => `${megabytes(bytes)} MB`),
      reached: atMost(rss, goals.rssBytes),
    },
  ]
}

/** Whether a size that was taken at equal intervals stops growing. @param sizes bytes, the oldest first */
export function judgeDatabase(sizes: readonly number[]): Goal {
  const middle = Math.floor(sizes.length / 2)
  const first = Math.max(...sizes.slice(0, middle))
  const second = Math.max(...sizes.slice(middle))
  const isKnown = middle > 0
  return {
    goal: `etcd's database at most ${Math.round((goals.databaseGrowth - 1) * 100)} % larger in the second half`,
    value: isKnown ? `${megabytes(first)} → ${megabytes(second)} MB` : 'not measured',
    reached: isKnown ? second <= first * goals.databaseGrowth : null,
  }
}
