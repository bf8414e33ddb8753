/**
 * The life of a connection as one total table: every state answers every event, and a missing cell does not compile.
 *
 * connecting (an attempt authenticates) → syncing (synced) → live ⇄ read-only
 */
export const connectionStates = [
  'idle',
  /** One or more nodes are dialled. */
  'connecting',
  'syncing',
  'live',
  /** Connected and up to date, and no node that can be reached has a quorum: nothing can be stored. */
  'read-only',
  /** No node can be tried just now. */
  'waiting',
  'stopped',
] as const
export type ConnectionState = (typeof connectionStates)[number]

export const connectionEvents = [
  /** The application asks for the connection. */
  'start',
  /** A node accepted the credentials; also one to which a connection that works has moved. */
  'ready',
  /** Everything missed was announced. */
  'synced',
  /** The same, by a node that cannot store anything. */
  'syncedReadOnly',
  /** The node dropped frames for this connection; it must sync again. */
  'resync',
  /** Nothing can be stored for now. */
  'quorumLost',
  /** Messages are stored again. */
  'quorumBack',
  /** The socket is gone, or nothing came for too long; another node can be tried. */
  'lost',
  /** No node can be tried before some time has gone by. */
  'exhausted',
  /** Trying again is of no use. */
  'refused',
  /** The back-off is over. */
  'retry',
  /** The application ends the connection. */
  'stop',
] as const
export type ConnectionEvent = (typeof connectionEvents)[number]

/** `ignore`: a late or repeated event without meaning here. */
export type Transition = ConnectionState | 'ignore'

const ignored = Object.fromEntries(connectionEvents.map((event) => [event, 'ignore'])) as Record<
  ConnectionEvent,
  'ignore'
>
const connected = {
  ...ignored,
  ready: 'syncing',
  resync: 'syncing',
  lost: 'connecting',
  exhausted: 'waiting',
  refused: 'stopped',
  stop: 'stopped',
} as const

export const transitions: Record<ConnectionState, Record<ConnectionEvent, Transition>> = {
  idle: { ...ignored, start: 'connecting', stop: 'stopped' },
  connecting: {
    ...ignored,
    ready: 'syncing',
    exhausted: 'waiting',
    refused: 'stopped',
    stop: 'stopped',
  },
  syncing: { ...connected, synced: 'live', syncedReadOnly: 'read-only' },
  live: { ...connected, quorumLost: 'read-only' },
  'read-only': { ...connected, quorumBack: 'live' },
  waiting: {
    ...ignored,
    start: 'connecting',
    retry: 'connecting',
    refused: 'stopped',
    stop: 'stopped',
  },
  stopped: ignored,
}
