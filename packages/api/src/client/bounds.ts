/** Named bounds of the client's own memory and patience; what crosses the border is in contract/limits.ts. */
export const clientBounds = {
  /** Messages kept until the node acknowledges them; a send beyond is refused with `busy`. */
  outboxEntries: 10_000,
  /** Bytes of those messages. */
  outboxBytes: 64 * 1024 * 1024,
  /** Bytes of received entries that wait for the application or for the entries before them; more is fetched again later. */
  heldBytes: 32 * 1024 * 1024,
  /** How often a full socket is looked at. */
  socketPollMs: 10,
  /** What an entry costs beside its text, roughly: object, map slot, short strings. */
  entryOverheadBytes: 300,
  /** Bytes in the socket above which nothing more is written to it. */
  socketBytes: 1024 * 1024,
  /** `history` frames under way to fill gaps; with thousands of channels the others wait their turn. */
  concurrentFills: 16,
  /** Answers in a row that bring a gap nothing before the client waits and reports. */
  emptyFills: 5,
  /** `history` requests of the application that are not answered yet. */
  requests: 64,
  /** Time that a closing handshake gets before the socket is cut. */
  hangUpMs: 500,
  /** Delivered and read marks are gathered for so long. */
  marksMs: 200,
  /** Wait before a message refused as `busy` is sent again, at first and at most. */
  busyMs: 100,
  busyMaxMs: 5_000,
  /** Addresses of nodes that are kept. */
  nodes: 16,
  /** Rounds in a row in which a node may refuse the login before it counts, while other nodes could not be asked. */
  refusedRounds: 3,
  /** Channels whose place is kept after they went away: a node that is behind does not have them yet. */
  leftChannels: 10_000,
  /** How long a refusal as no member is doubted on a node that may be behind. */
  behindMs: 10_000,
} as const

/** Patience with nodes, in milliseconds; a test may have less. */
export interface Timing {
  /** Start of one attempt to the start of the next one, at another node, while the first is not done. */
  staggerMs: number
  /** Dialling to `ready`, at first; doubled by each failure of the node, up to `connectMaxMs`. */
  connectMs: number
  connectMaxMs: number
  /** Silence after which the node is asked whether it is there, while an answer is owed and while none is. */
  askMs: number
  idleMs: number
  /** Silence after the question that ends the connection. */
  answerMs: number
  /** The same for a socket that tells of whole messages only: a large one on a narrow line is no silence. */
  blindAnswerMs: number
  /** Messages without any acknowledgement, at a node that is there, until another node is tried. */
  stallMs: number
  /** Failing at all nodes until others are looked for, and between two looks. */
  discoverAfterMs: number
  discoverEveryMs: number
  /** A query without an answer until the next node is asked as well. */
  hedgeMs: number
  /** A call while the nodes choose a new leader, until it fails. */
  quorumWaitMs: number
}

export const defaultTiming: Timing = {
  staggerMs: 300,
  connectMs: 2_000,
  connectMaxMs: 15_000,
  askMs: 1_000,
  idleMs: 5_000,
  answerMs: 1_500,
  blindAnswerMs: 6_000,
  stallMs: 8_000,
  discoverAfterMs: 3_000,
  discoverEveryMs: 10_000,
  hedgeMs: 2_000,
  quorumWaitMs: 5_000,
}
