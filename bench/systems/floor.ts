import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ServerProcess } from '../lib/child.ts'
import { accepts, freePort, makeCertificate } from '../lib/network.ts'
import { countRows } from './archive.ts'
import { makeRooms, type System } from './system.ts'

const serverScript = fileURLToPath(new URL('../floor/server.ts', import.meta.url))
const roomName = (room: number): string => `room-${room}`

/** The limit of this runtime and this machine: bench/floor/server.ts. */
export const floor: System = {
  name: 'floor',
  setup: 'bare TLS WebSockets and group commit, synchronous=FULL, no feature at all',
  missing: () => undefined,
  version: () => `node ${process.versions.node}`,

  async start(directory, sizes) {
    const certificate = makeCertificate(directory)
    const port = await freePort()
    const databaseFile = join(directory, 'messages.db')
    const server = new ServerProcess({
      command: process.execPath,
      args: [serverScript, String(port), certificate.keyFile, certificate.certificateFile, databaseFile],
      logFile: join(directory, 'server.log'),
    })
    await server.waitUntil(() => accepts(port))
    return {
      pid: server.pid,
      endpoint: { protocol: 'holdfast', port },
      rooms: makeRooms(sizes, {
        address: roomName,
        secret: (name, room) => `${name}@${roomName(room)}`,
      }),
      archivedRows: () => countRows(databaseFile, 'SELECT COUNT(*) FROM message'),
      [Symbol.asyncDispose]: () => server.stop(),
    }
  },
}
