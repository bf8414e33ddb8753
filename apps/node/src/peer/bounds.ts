/** Bounds of the peer link. Bytes are UTF-8 bytes, times end in Ms. */
export const peerBounds = {
  /** Body of a call and of its answer: membership operations are small. */
  bodyBytes: 1024 * 1024,
  /** Requests of one member at once; more are refused with 429. */
  requestsPerMember: 32,
  /** TCP connections at once: a few for each of seven members, and room for half-open ones. */
  connections: 128,
  headerBytes: 16 * 1024,
  headersCount: 50,
  /** A generation's name. */
  generationLength: 64,
  /** A node's id, an operation's or a kind's name. */
  nameLength: 64,
  /** Time for the TLS handshake and, again, for the headers of a request. */
  handshakeMs: 5000,
  /** Time in which a connection to another member has to stand. */
  connectMs: 3000,
  /** A whole request, its body included. */
  requestMs: 30_000,
  /** A status or a call, when the caller says nothing else. */
  callMs: 5000,
  /** An operation that was called and has not ended; the caller has given up by then. */
  operationMs: 60_000,
  /** An idle connection is kept this long; the caller's side lets go first, so that no request meets a closing one. */
  serverKeepAliveMs: 30_000,
  clientKeepAliveMs: 10_000,
  /** Sockets of one client: calls under way to one member. */
  clientSockets: 8,

  /** One frame of a channel. */
  frameBytes: 256 * 1024,
  /** Bytes in a channel's socket above which frames wait in the queue. */
  socketBytes: 512 * 1024,
  /** Frames that wait for one channel; the oldest is dropped for one more, and counted. */
  queueFrames: 1000,
  /** Holds the whole presence of the busiest node, which is told at once: some 250 bytes for each of 20,000 connections. */
  queueBytes: 16 * 1024 * 1024,
  /** How often a channel is pinged, and how often silence is looked for. */
  pingMs: 1000,
  tickMs: 500,
  /** A member that is silent for so long is gone. */
  silenceMs: 3000,
  /** Wait before a channel is opened again: doubles from the least to the most, less up to a half by chance. */
  backOffMinMs: 200,
  backOffMaxMs: 5000,
  /** Pings whose clock readings are kept; the one with the shortest round trip is believed (RFC 5905, section 10). */
  clockSamples: 8,
  /** Frames against the schema after which a channel is closed. */
  badFrames: 20,

  /** Snapshots that are sent at once. */
  snapshotReaders: 4,
  /** How often a member that waits for its snapshot to be made is told that it is. */
  snapshotProgressMs: 2000,
  /** A snapshot of which nothing moves for so long is given up, on either side. */
  snapshotStallMs: 20_000,
  /** A whole snapshot, on either side. */
  snapshotMs: 2 * 3600_000,
  /** How long a stopping server waits for requests under way. */
  shutdownMs: 2000,
  /** Refusals are logged at most so often. */
  refusalLogMs: 60_000,
} as const
