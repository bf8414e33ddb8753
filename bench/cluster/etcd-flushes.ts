import type { Host, Lab } from '../../apps/node/test/lab/lab.ts'
import { BenchError } from '../lib/bench-error.ts'

/** etcd's own counters: a flush of the write-ahead log each, and a commit of the database, which flushes as well. */
const counters = [
  'etcd_disk_wal_fsync_duration_seconds_count',
  'etcd_disk_backend_commit_duration_seconds_count',
]

export const countsEtcdFlushes = "etcd's counters of WAL fsyncs and database commits, three members"

/** The sum of the counters of one etcd. @param curl how to reach its /metrics from within its host */
export async function etcdFlushes(lab: Lab, host: Host, curl: readonly string[]): Promise<number> {
  const metrics = await lab.run(host, ['curl', '--silent', '--show-error', '--fail', ...curl])
  return counters
    .map((name) => {
      const value = new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1]
      if (value === undefined) throw new BenchError(`the etcd of ${host} does not count ${name}`)
      return Number(value)
    })
    .reduce((sum, value) => sum + value, 0)
}

export const sum = async (values: Promise<number>[]): Promise<number> =>
  (await Promise.all(values)).reduce((total, value) => total + value, 0)
