/** A node with a way to the internet does not take it: not while it starts, is set up, carries messages, or looks for others. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFailed, test } from 'vitest'
import { ownerName, testPassword } from '../harness.ts'
import { Lab } from '../lab/lab.ts'
import { LabNode } from '../lab/lab-node.ts'
import { StrayWatch } from '../lab/stray-watch.ts'
import { holdfast, pinnedNode } from '../node-process.ts'

/** Several beacons and the first announcements. */
const watchMs = 5000
const outside = { ipv4: '192.0.2.1', name: '192.0.2.53' }

test('no packet of a node leaves its LAN, and nobody is asked for a name or the time', async () => {
  await using lab = await Lab.create({ nodes: 1 })
  const watch = await StrayWatch.begin(lab, 'hf1')
  const node = new LabNode(lab, 'hf1')
  onTestFailed(() => console.error(`log of the node:\n${node.log.slice(-8000)}`))
  await node.initialize({ facility: 'Testbed', admin: ownerName, password: testPassword })
  await node.start()
  const home = join(lab.folder, 'client')
  mkdirSync(home)
  writeFileSync(join(home, 'ca.pem'), node.ca)
  writeFileSync(join(home, 'password'), testPassword, { mode: 0o600 })
  const client = async (...args: string[]) => {
    const done = await holdfast(args, { within: lab.within('hub'), env: { XDG_CONFIG_HOME: home } })
    expect(done, args.join(' ')).toMatchObject({ code: 0 })
    return done.stdout
  }
  const file = (name: string) => join(home, name)
  const who = ['--url', node.url, '--user', ownerName, '--ca', file('ca.pem')]
  await client('login', ...who, '--password-file', file('password'))
  await client('channel', 'create', 'traffic', '--kind', 'group')
  await client('send', 'traffic', 'nothing leaves')
  expect(await client('tail', 'traffic', '--since', '0', '--no-follow')).toContain('nothing leaves')
  await new Promise((resolve) => setTimeout(resolve, watchMs))
  await node.restart()
  await node.stop()
  expect(await watch.sent()).toBeGreaterThan(20)
  expect(await watch.strays()).toEqual([])

  // What the watch would have seen.
  const stray = `const s = require('node:dgram').createSocket('udp4');
    s.send('x', 9, '${outside.ipv4}', () => s.send('x', 53, '${outside.name}', () => s.close()))`
  await lab.run('hf1', [pinnedNode, '-e', stray])
  expect(await watch.strays()).toEqual(expect.arrayContaining([outside.ipv4, outside.name]))
  expect((await watch.strays()).join()).toMatch(/53/)
}, 120_000)
