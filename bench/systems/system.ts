import type { Endpoint, Room } from '../driver/plan.ts'

/** How many members each room has. */
export type RoomSizes = readonly number[]

/** A server that runs, with its rooms and accounts made, ready to be measured. */
export interface RunningSystem extends AsyncDisposable {
  pid: number
  endpoint: Endpoint
  rooms: Room[]
  /** The messages that the server's own database holds, read from the file. */
  archivedRows(): number
}

export interface System {
  name: string
  /** How it was set up, in a line: what a reader must know to judge the figures. */
  setup: string
  /** What `start` needs and is not there, as one line that tells what to do. */
  missing(): string | undefined
  version(): string
  /** Everything the system writes goes into `directory`, which is empty. */
  start(directory: string, sizes: RoomSizes): Promise<RunningSystem>
}

/** The rooms of these sizes; the caller says how its system names a room and what its members log in with. */
export function makeRooms(
  sizes: RoomSizes,
  names: { address: (room: number) => string; secret: (name: string, room: number) => string },
): Room[] {
  return sizes.map((size, room) => ({
    address: names.address(room),
    members: Array.from({ length: size }, (_, member) => {
      const name = `member-${room}-${member}`
      return { name, secret: names.secret(name, room) }
    }),
  }))
}
