/** What the client needs of a WebSocket: the browser's and the one of the npm package `ws` both have it. */
export interface SocketLike {
  /** Bytes that are written and have not left. */
  readonly bufferedAmount: number
  /** Bytes that have come in so far, also of a message that is not complete; browsers do not tell. */
  bytesReceived?(): number | undefined
  send(text: string): void
  close(code?: number, reason?: string): void
  /** Ends the socket without waiting for the other side; browsers do not have it. */
  terminate?(): void
  onopen: ((event: never) => void) | null
  onmessage: ((event: { data: unknown }) => void) | null
  onclose: ((event: { code: number; reason: string }) => void) | null
  onerror: ((event: never) => void) | null
}

export type OpenSocket = (url: string) => SocketLike

/** The WebSocket of the platform. In Node it trusts public authorities only: use client/node.ts with the facility's CA. */
export const openPlatformSocket: OpenSocket = (url) => new WebSocket(url) as unknown as SocketLike

const nothing = (): void => {}

/** Takes the ears off a socket. They are replaced, not removed: `ws` throws an error that nobody listens to. */
export function silence(socket: SocketLike): void {
  socket.onopen = nothing
  socket.onmessage = nothing
  socket.onclose = nothing
  socket.onerror = nothing
}
