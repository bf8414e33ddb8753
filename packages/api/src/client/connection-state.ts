/**
 * The life of a connection as one total table: every state answers every event, and a missing cell does not compile.
 *
 * connecting → greeting (socket open) → authenticating (hello) → syncing (ready) → live (synced)
 */
export const connectionStates = [
  'idle',
  'connecting',
  'greeting',
  'authenticating',
  'syncing',
  'live',
  'waiting',
  'stopped',
] as const
export type ConnectionState = (typeof connectionStates)[number]

export const connectionEvents = [
  /** The application asks for the connection. */
  'start',
  /** The socket is open. */
  'opened',
  /** The node's `hello` came. */
  'hello',
  /** The node accepted the credentials. */
  'ready',
  /** Everything missed was announced. */
  'synced',
  /** The node dropped frames for this connection; it must sync again. */
  'resync',
  /** The socket is gone, or nothing came for too long. */
  'lost',
  /** The node said that trying again is of no use. */
  'refused',
  /** The back-off is over. */
  'retry',
  /** The application ends the connection. */
  'stop',
] as const
export type ConnectionEvent = (typeof connectionEvents)[number]

/** `ignore`: a late or repeated event without meaning here. `violation`: the node broke the protocol; hang up. */
export type Transition = ConnectionState | 'ignore' | 'violation'

export const transitions: Record<ConnectionState, Record<ConnectionEvent, Transition>> = {
  idle: {
    start: 'connecting',
    opened: 'ignore',
    hello: 'ignore',
    ready: 'ignore',
    synced: 'ignore',
    resync: 'ignore',
    lost: 'ignore',
    refused: 'ignore',
    retry: 'ignore',
    stop: 'stopped',
  },
  connecting: {
    start: 'ignore',
    opened: 'greeting',
    hello: 'violation',
    ready: 'violation',
    synced: 'violation',
    resync: 'violation',
    lost: 'waiting',
    refused: 'stopped',
    retry: 'ignore',
    stop: 'stopped',
  },
  greeting: {
    start: 'ignore',
    opened: 'ignore',
    hello: 'authenticating',
    ready: 'violation',
    synced: 'violation',
    resync: 'violation',
    lost: 'waiting',
    refused: 'stopped',
    retry: 'ignore',
    stop: 'stopped',
  },
  authenticating: {
    start: 'ignore',
    opened: 'ignore',
    hello: 'violation',
    ready: 'syncing',
    synced: 'violation',
    resync: 'violation',
    lost: 'waiting',
    refused: 'stopped',
    retry: 'ignore',
    stop: 'stopped',
  },
  syncing: {
    start: 'ignore',
    opened: 'ignore',
    hello: 'violation',
    ready: 'violation',
    synced: 'live',
    resync: 'syncing',
    lost: 'waiting',
    refused: 'stopped',
    retry: 'ignore',
    stop: 'stopped',
  },
  live: {
    start: 'ignore',
    opened: 'ignore',
    hello: 'violation',
    ready: 'violation',
    synced: 'ignore',
    resync: 'syncing',
    lost: 'waiting',
    refused: 'stopped',
    retry: 'ignore',
    stop: 'stopped',
  },
  waiting: {
    start: 'connecting',
    opened: 'ignore',
    hello: 'ignore',
    ready: 'ignore',
    synced: 'ignore',
    resync: 'ignore',
    lost: 'ignore',
    refused: 'stopped',
    retry: 'connecting',
    stop: 'stopped',
  },
  stopped: {
    start: 'ignore',
    opened: 'ignore',
    hello: 'ignore',
    ready: 'ignore',
    synced: 'ignore',
    resync: 'ignore',
    lost: 'ignore',
    refused: 'ignore',
    retry: 'ignore',
    stop: 'ignore',
  },
}
