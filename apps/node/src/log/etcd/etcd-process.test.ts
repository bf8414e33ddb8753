import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createLogger } from '../../platform/logger.ts'
import { EtcdProcess } from './etcd-process.ts'

/** An etcd that notes with what it was started, and ends. */
async function started(options: { forceNew: boolean }) {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-etcd-process-'))
  const starts = join(folder, 'starts')
  const binary = join(folder, 'etcd')
  writeFileSync(starts, '')
  writeFileSync(binary, `#!/bin/sh\necho "$@" >> ${starts}\nexit 1\n`, { mode: 0o700 })
  const process = new EtcdProcess({
    binary,
    folder,
    name: 'n_1',
    peerUrl: 'https://127.0.0.1:7446',
    raftPort: 7446,
    clientPort: 7445,
    initialCluster: 'n_1=https://127.0.0.1:7446',
    initialState: 'new',
    clusterToken: '1-a',
    heartbeatMs: 100,
    electionMs: 1000,
    keyFile: '',
    authority: '',
    logger: createLogger({ level: 'silent' }),
    onExit: () => {},
    ...options,
  })
  process.start()
  const lines = () => readFileSync(starts, 'utf8').trimEnd().split('\n').filter(Boolean)
  return {
    process,
    /** How each start until then was made to be the only member. */
    async forced(count: number): Promise<boolean[]> {
      while (lines().length < count) await new Promise((resolve) => setTimeout(resolve, 20))
      return lines().map((line) => line.includes('--force-new-cluster'))
    },
    [Symbol.asyncDispose]: async () => {
      await process.stop()
      rmSync(folder, { recursive: true })
    },
  }
}

test('regression: an etcd that ends before it leads is made the only member again, and then no more', async () => {
  await using etcd = await started({ forceNew: true })
  expect(await etcd.forced(2)).toEqual([true, true])
  etcd.process.led()
  expect((await etcd.forced(3)).slice(2)).toEqual([false])
})
