import { expect, it } from 'vitest'
import type { Connection } from '../gateway/connection.ts'
import type { Log } from '../log/log.ts'
import { systemClock } from '../platform/clock.ts'
import { Presence } from '../services/presence/presence.ts'
import type { Directory } from '../state/directory.ts'
import { TestPeer, until } from './peer-fixture.ts'

const person = 'p_1'

function presenceOf(peer: TestPeer, nodeName: string): Presence {
  const directory = {
    people: new Map([[person, { id: person, status: 'active', lastSeenAt: null }]]),
    devices: new Map(),
    nodes: new Map(),
  } as unknown as Directory
  const presence = new Presence({
    directory,
    log: { propose: () => {} } as unknown as Log,
    clock: systemClock,
    site: 'main',
  })
  presence.join(peer.links, { nodeName })
  return presence
}

it('presence goes over real links: what was before they stood, what comes, and what ends with a node', async () => {
  await using first = await TestPeer.start(1)
  await using second = await TestPeer.start(2)
  const [here, there] = [presenceOf(first, 'node1'), presenceOf(second, 'node2')]
  const connection = { personId: person, deviceId: null, client: 'web', away: false, openedAt: 0 }
  here.connected(connection as Connection)
  first.knows(second).links.setPeers([second.address])
  second.knows(first).links.setPeers([first.address])
  await until('the other node knows', () => there.of(person) === 'online')
  connection.away = true
  here.changed(connection as Connection)
  await until('it hears of the change', () => there.of(person) === 'away')
  expect(there.list()[0]?.devices).toMatchObject([{ name: 'web', state: 'away', node: first.nodeId }])
  await first[Symbol.asyncDispose]()
  await until('they go with their node', () => there.of(person) === 'offline')
  here.stop()
  there.stop()
})
