/** Named bounds of everything that crosses a border. Bytes are UTF-8 bytes, counts are entries, times end in Ms. */
export const limits = {
  /** A message's text. */
  bodyBytes: 32 * 1024,
  /** One WebSocket message from a client; holds at least one largest body with every character escaped. */
  frameBytes: 256 * 1024,
  /** Frames in one array from a client. */
  framesPerArray: 256,
  /** Sends of one connection that are not acknowledged yet; more are refused with `busy`. */
  inflightSends: 1024,
  /** `sync` and `history` frames of one connection that are not answered yet; more are refused with `busy`. */
  inflightReads: 256,
  /**
   * Bytes waiting in one connection's socket before it is told to resync. While so much waits nothing more is read from
   * it, so that whoever asks and does not read costs no more.
   */
  connectionQueueBytes: 1024 * 1024,
  /** Entries in one page of history or resume. */
  pageEntries: 200,
  /** Bytes of a page's entries after which it ends early, with `more`; at least one entry is in it. */
  pageBytes: 1024 * 1024,
  /** Channels named in one `sync` frame. */
  syncChannels: 1000,
  /** Unread messages counted in one channel; so many stands for so many or more. */
  unreadMessages: 100,
  /** A tRPC request body. */
  httpBodyBytes: 1024 * 1024,
  /** Commands waiting for the log; more are refused with `busy`. */
  logQueue: 20_000,
  /** Commands in one batch of the log. */
  batchCommands: 1024,
  /** Rows in one page of a list. */
  listRows: 500,
  nameLength: 64,
  displayNameLength: 120,
  topicLength: 500,
  passwordLength: 256,
  passwordMinLength: 10,
  clientIdLength: 64,
  branchLength: 64,
  searchLength: 200,
  /** Connections of one node. */
  connections: 20_000,
  /** Connections of one person. */
  connectionsPerPerson: 64,
  /** Time for a new connection to authenticate. */
  authTimeoutMs: 10_000,
  /** A connection that sends nothing for so long is pinged, and closed when it stays silent as long again. */
  silenceMs: 45_000,
  sessionMs: 30 * 24 * 3600_000,
  retentionDaysMax: 3650,
  /** A signed checkpoint of the audit log with all its lines. */
  checkpointBytes: 16 * 1024,
} as const
