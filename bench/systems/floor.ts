import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ServerProcess } from '../lib/child.ts'
import { accepts, freePort, makeCertificate } from '../lib/network.ts'
import { countRows } from './archive.ts'
import { makeRooms, type System } from './system.ts'

const serverScript = fileURLToPath(new URL('../floor/server.ts', import.meta.url))
const roomName = (room: number): string => `room-${room}`

/** The limit of this runtime and this machine: bench/floor/server.ts, each frame a WebSocket message of its own. */
export const floor = floorSystem(
  'floor',
  'frames',
  'bare TLS WebSockets and group commit, synchronous=FULL, no feature at all',
)
/** The same with Holdfast's own way of sending what one commit brings as one message. */
export const floorInArrays = floorSystem(
  'floor-arrays',
  'arrays',
  'the floor with the frames of a commit in one WebSocket message, as Holdfast sends them',
)

function floorSystem(name: string, framing: 'frames' | 'arrays', setup: string): System {
  return {
    name,
    setup,
    missing: () => undefined,
    version: () => `node ${process.versions.node}`,

    async start(directory, sizes) {
      const certificate = makeCertificate(directory)
      const port = await freePort()
      const databaseFile = join(directory, 'messages.db')
      const server = new ServerProcess({
        command: process.execPath,
        args: [
          serverScript,
          String(port),
          certificate.keyFile,
          certificate.certificateFile,
          databaseFile,
          framing,
        ],
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
}
