/** Bounds of the HTTP server that are not settings. Times end in Ms. */
export const httpBounds = {
  /** Request line and headers together; a tRPC query's input travels in the request line. */
  headerBytes: 16 * 1024,
  /** Headers of one request. */
  headersCount: 100,
  /** Calls in one tRPC request; a page of the UI makes a dozen. */
  batchCalls: 50,
  /** An idle connection is kept this long for the next request. */
  keepAliveMs: 30_000,
  /** How long the rest of a refused body is read before the connection is cut. */
  lingerMs: 2_000,
  /** How often connections are looked over for the header and request timeouts. */
  timeoutCheckMs: 5_000,
  /** Connections the kernel may hold ready before the process takes them; a reconnect storm fills it. */
  backlog: 4096,
  /** How long a stopping server waits for requests and WebSockets to end before it cuts them. */
  shutdownMs: 5_000,
  /** How often a stopping server looks whether it is done. */
  shutdownStepMs: 20,
  /** A text that a client sends about itself. */
  userAgentLength: 200,
  /** A session token is far shorter; longer ones are not looked up. */
  tokenLength: 512,
  /** tRPC WebSockets at once: one per open tab of the admin UI. */
  trpcSockets: 512,
  /** Subscriptions of one tRPC WebSocket. */
  subscriptionsPerSocket: 16,
  /** One message of a tRPC WebSocket; a subscription request is far smaller. */
  trpcMessageBytes: 64 * 1024,
  /** How often the session of every tRPC WebSocket is looked at again. */
  sessionCheckMs: 30_000,
  trpcPingMs: 30_000,
  trpcPongWaitMs: 10_000,
  /** One file of the admin UI; a larger one is no part of a build. */
  uiFileBytes: 16 * 1024 * 1024,
  /** Files of the admin UI. */
  uiFiles: 10_000,
} as const
