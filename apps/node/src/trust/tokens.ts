import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** 256 bits: guessing is hopeless, so a plain hash protects a stored token as well as a slow one would. */
const tokenBytes = 32
const tokenPattern = /^[A-Za-z0-9_-]{43}$/

export interface NewToken {
  /** base64url, 43 characters; shown to its owner once and never stored. */
  token: string
  /** SHA-256 of the token, hex: what the database keeps. */
  hash: string
}

export function newSessionToken(): NewToken {
  const token = randomBytes(tokenBytes).toString('base64url')
  return { token, hash: hashToken(token) }
}

/** SHA-256 of the token's text, hex. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

/** Whether the text has the form of a session token, so that anything else is refused before it is hashed. */
export function isSessionToken(text: string): boolean {
  return tokenPattern.test(text)
}

/** Compares two secrets in a time that tells nothing about where, or in what length, they differ. */
export function secretsEqual(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
