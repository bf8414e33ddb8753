/** The protocol's constants, apart from its schemas: a browser that only needs these does not load a validator. */
export const protocolVersion = 1

/** WebSocket close codes of the protocol (RFC 6455, private range 4000–4999). */
export const closeCodes = {
  badFrame: 4400,
  unauthenticated: 4401,
  revoked: 4403,
  authTimeout: 4408,
  tooMany: 4429,
  shuttingDown: 1001,
  tooLarge: 1009,
} as const
