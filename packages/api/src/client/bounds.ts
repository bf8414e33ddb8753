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
  /** Time from dialling to `ready`. */
  connectTimeoutMs: 15_000,
  /** Silence after which the client asks whether the node is there; below limits.silenceMs. */
  heartbeatMs: 20_000,
  /** Silence after the question that ends the connection. */
  heartbeatGraceMs: 15_000,
  /** Time that a closing handshake gets before the socket is cut. */
  hangUpMs: 500,
  /** Delivered and read marks are gathered for so long. */
  marksMs: 200,
  /** Wait before a message refused as `busy` is sent again, at first and at most. */
  busyMs: 100,
  busyMaxMs: 5_000,
} as const
