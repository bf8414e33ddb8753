/** Three machines are updated one after the other while somebody writes: no message fails, and none is lost. */
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createApi } from '@holdfast/api/client/api'
import { connectNode, createNodeFetch } from '@holdfast/api/client/node'
import { expect, test } from 'vitest'
import { root, testFolder } from './built.ts'
import { CommandLine, origin, owner } from './node-over-https.ts'
import { VmCluster } from './vm-cluster.ts'

const bootSeconds = 1200
const updateMs = 90 * 60_000
const betweenMs = 500

test('three machines are updated under load, and no send fails', async () => {
  const folder = testFolder('cluster-update')
  const maker = join(root, 'appliance/test/make-release.mjs')
  execFileSync(process.execPath, [maker, '0.2.0', folder], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  {
    await using cluster = await VmCluster.start({ folder, nodes: 3, bootSeconds })
    const { client, machines, ca } = cluster
    await client.run('channel', 'create', 'traffic', '--kind', 'group')
    const { id: channel } = JSON.parse(await client.run('channel', 'show', 'traffic', '--json'))
    const urls = machines.map(origin)
    using fetch = createNodeFetch({ ca })
    const login = await createApi({ urls, fetch }).auth.login.mutate(owner)
    if (!('token' in login)) throw new Error('the owner is asked for more than a password')
    const { token } = login
    const writer = connectNode({ urls, ca, token })
    const said: string[] = []
    let goesOn = true
    const writing = (async () => {
      for (let n = 1; goesOn; n++) {
        await writer.send(channel, `message ${n}`)
        said.push(`message ${n}`)
        await sleep(betweenMs)
      }
    })()
    try {
      const patient = new CommandLine(machines[0]!, join(folder, 'client'), updateMs)
      await patient.run('update', 'cluster', join(folder, 'holdfast-0.2.0.raucb'))
    } finally {
      goesOn = false
      await writing
      writer.close()
    }
    for (const vm of machines) expect(vm.serial).toMatch(/UPDATE-CONFIRMED 0\.1\.0 to 0\.2\.0/)
    const kept = await client.run('tail', 'traffic', '--since', '0', '--no-follow')
    expect(said.length).toBeGreaterThan(10)
    for (const text of said) expect(kept).toContain(text)
  }
  rmSync(folder, { recursive: true, force: true })
})
