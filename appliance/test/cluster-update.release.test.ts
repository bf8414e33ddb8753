/** Three machines are updated one after the other while people write: nothing fails, nothing is lost, the quorum stays. */
import { execFileSync, spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { LoadProcess, type Place } from '../../apps/node/test/lab/load-process.ts'
import { verify } from '../../apps/node/test/lab/verify.ts'
import { root, testFolder } from './built.ts'
import { nodeDataOf } from './data-partition.ts'
import { CommandLine, origin, owner } from './node-over-https.ts'
import { VmCluster } from './vm-cluster.ts'

const bootSeconds = 1200
const updateMs = 90 * 60_000
/** A look is a command with a handshake of its own, which costs an emulated machine a second. */
const lookEveryMs = 30_000
const leastMessages = 100

test('three machines are updated under load: no send fails, no message is lost, the quorum stays', async () => {
  const folder = testFolder('cluster-update')
  const maker = join(root, 'appliance/test/make-release.mjs')
  execFileSync(process.execPath, [maker, '0.2.0', folder], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  {
    await using cluster = await VmCluster.start({ folder, nodes: 3, bootSeconds })
    const { machines } = cluster
    await using load = await writers(cluster, folder)
    await load.start({ window: 2, messagesPerSecond: 2, bodyBytes: 100 })
    using quorum = watchQuorum(cluster)
    const patient = new CommandLine(machines[0]!, join(folder, 'client'), updateMs)
    const startedAt = performance.now()
    const said = await patient.run('update', 'cluster', join(folder, 'holdfast-0.2.0.raucb'))
    const seconds = (performance.now() - startedAt) / 1000
    expect(said).toContain('Every node runs 0.2.0.')
    for (const vm of machines) expect(vm.serial).toMatch(/UPDATE-CONFIRMED 0\.1\.0 to 0\.2\.0/)
    await load.recovered()
    const { longestGapMs, p99Ms, refusals } = await load.phase()
    const record = await load.stop()
    for (const vm of machines) await vm.switchOff(bootSeconds)
    const nodes = machines.map(({ name, disk }) => ({ name, dataDir: nodeDataOf(disk, join(folder, name)) }))
    const { acknowledged, lost, doubled, faults } = await verify({ nodes, record, stoppedApart: true })
    console.log(
      `three machines in ${seconds.toFixed(0)} s: ${acknowledged} messages acknowledged, ${lost} lost, ${doubled} doubled, ${refusals} sent again, p99 ${p99Ms.toFixed(0)} ms, longest gap ${longestGapMs.toFixed(0)} ms; ${quorum.looks} looks at the quorum, at least ${quorum.fewest} of 3 voters there`,
    )
    expect(faults).toEqual([])
    expect(acknowledged).toBeGreaterThan(leastMessages)
    expect(quorum.looks).toBeGreaterThan(0)
    expect(quorum.fewest).toBeGreaterThanOrEqual(2)
  }
  rmSync(folder, { recursive: true, force: true })
})

/** People in the LAN, who know every node. */
function writers({ machines, ca, lan }: VmCluster, folder: string): Promise<LoadProcess> {
  const within = lan.plugs[0]!.within
  const place: Place = {
    folder,
    spawn: (_, command, options = {}) => {
      const [program = '', ...words] = [...within, ...command]
      return spawn(program, words, options)
    },
  }
  const urls = machines.map(origin)
  return LoadProcess.prepare(place, { ca, urls, admin: owner, tag: 'update', writers: 3, channels: 2 })
}

/** Asks whichever node answers how many voters are there. */
function watchQuorum({ client }: VmCluster) {
  const seen = { looks: 0, fewest: Number.POSITIVE_INFINITY }
  const ended = new AbortController()
  void (async () => {
    while (!ended.signal.aborted) {
      const status = await client.once('cluster', 'status', '--json').catch(() => null)
      if (status !== null) {
        seen.looks += 1
        seen.fewest = Math.min(seen.fewest, JSON.parse(status).reachableVoters)
      }
      await sleep(lookEveryMs)
    }
  })()
  return Object.assign(seen, { [Symbol.dispose]: () => ended.abort() })
}
