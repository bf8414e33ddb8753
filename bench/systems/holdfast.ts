import { join } from 'node:path'
import type { Room } from '../driver/plan.ts'
import {
  holdfastVersion,
  initHoldfast,
  missingHoldfast,
  newPassword,
  type RunningHoldfast,
  startHoldfast,
} from '../lib/holdfast.ts'
import { TrpcClient } from '../lib/trpc.ts'
import { countRows } from './archive.ts'
import { makeRooms, type RoomSizes, type System } from './system.ts'

const textEntries = 'SELECT COUNT(*) FROM message WHERE kind = 0'

/** This project's single node, as `holdfast init` and `holdfast serve` make it. */
export const holdfast: System = {
  name: 'holdfast',
  setup: 'one node as `holdfast init` makes it: TLS, accounts, audit, search, synchronous=FULL',
  missing: missingHoldfast,
  version: holdfastVersion,

  async start(directory, sizes) {
    const data = initHoldfast(directory)
    const node = await startHoldfast(data)
    return {
      pid: node.pid,
      endpoint: { protocol: 'holdfast', port: node.port },
      rooms: await populate(node, sizes),
      archivedRows: () => countRows(join(data.directory, 'cluster.db'), textEntries),
      [Symbol.asyncDispose]: () => node[Symbol.asyncDispose](),
    }
  },
}

/** Adds the people, signs each in and puts them into their channels, all through the API. */
export async function populate(node: RunningHoldfast, sizes: RoomSizes): Promise<Room[]> {
  const rooms = makeRooms(sizes, { address: (room) => `room-${room}`, secret: newPassword })
  for (const { name, secret } of rooms.flatMap((room) => room.members))
    await node.admin.mutate('people.add', { name, password: secret, role: 'member' })
  for (const { address, members } of rooms)
    await node.admin.mutate('channels.create', {
      name: address,
      kind: 'group',
      members: members.map(({ name }) => name),
    })
  return Promise.all(rooms.map((room) => signIn(node.port, room)))
}

/** The same room with session tokens in the place of passwords. */
async function signIn(port: number, room: Room): Promise<Room> {
  using client = new TrpcClient(port)
  const members = []
  for (const { name, secret } of room.members)
    members.push({ name, secret: await client.login(name, secret) })
  return { address: room.address, members }
}
