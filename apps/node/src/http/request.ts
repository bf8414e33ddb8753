/** What a request says about itself: its path, who sent it, with which credentials, and from which pages. */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Origin } from '@holdfast/api/services'
import { httpBounds } from './bounds.ts'

/** `__Host-` binds the cookie to this host, to HTTPS and to the whole site (RFC 6265bis, section 4.1.3.2). */
export const cookieName = '__Host-holdfast'
const mappedPrefix = '::ffff:'

/** The remote address; IPv4 in its own notation also on a dual-stack socket. */
export function remoteAddress(socket: Socket): string {
  const address = socket.remoteAddress ?? ''
  return address.startsWith(mappedPrefix) ? address.slice(mappedPrefix.length) : address
}

export function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}

export function originOf(request: IncomingMessage): Origin {
  const userAgent = request.headers['user-agent'] ?? ''
  return { remote: remoteAddress(request.socket), userAgent: userAgent.slice(0, httpBounds.userAgentLength) }
}

/**
 * - `own`: a browser says that one of our own pages sent it.
 * - `foreign`: a browser says that something else did.
 * - `silent`: nothing said; not a browser, or a browser's plain GET of an old make.
 */
export type Provenance = 'own' | 'foreign' | 'silent'

/** Judges the Origin header (RFC 6454) and, without one, Sec-Fetch-Site (W3C Fetch Metadata). */
export function provenance(request: IncomingMessage): Provenance {
  const { origin, host } = request.headers
  if (origin !== undefined) return host !== undefined && sameHost(origin, host) ? 'own' : 'foreign'
  const site = request.headers['sec-fetch-site']
  if (site === undefined) return 'silent'
  // "none": the person typed the address or opened a bookmark.
  return site === 'same-origin' || site === 'none' ? 'own' : 'foreign'
}

function sameHost(origin: string, host: string): boolean {
  const url = URL.parse(origin)
  return url?.protocol === 'https:' && url.host === URL.parse(`https://${host}`)?.host
}

/** The session token of the cookie; null without one. The first wins, as a second cannot come from us. */
export function cookieToken(request: IncomingMessage): string | null {
  const header = request.headers.cookie
  if (header === undefined) return null
  for (const pair of header.split(';')) {
    const at = pair.indexOf('=')
    if (at > 0 && pair.slice(0, at).trim() === cookieName) return bounded(pair.slice(at + 1).trim())
  }
  return null
}

/** The token of `Authorization: Bearer` or, for sessions bound to a key, `Authorization: DPoP` (RFC 9449, section 7.1). */
export function headerToken(request: IncomingMessage): string | null {
  const match = /^(?:bearer|dpop) +([\x21-\x7e]+) *$/i.exec(request.headers.authorization ?? '')
  return match ? bounded(match[1]!) : null
}

function bounded(token: string): string | null {
  return token.length > 0 && token.length <= httpBounds.tokenLength ? token : null
}

/** The Set-Cookie value that gives the browser its session, or with a null token takes it away. */
export function sessionCookie(token: string | null, maxAgeSeconds: number): string {
  const age = token === null ? 0 : Math.max(0, Math.ceil(maxAgeSeconds))
  return `${cookieName}=${token ?? ''}; Path=/; Max-Age=${age}; HttpOnly; Secure; SameSite=Strict`
}

/** Path of a request without its query. */
export function pathOf(request: IncomingMessage): string {
  const url = request.url ?? '/'
  const end = url.search(/[?#]/)
  return end < 0 ? url : url.slice(0, end)
}

/** A path without its percent escapes; a broken escape gives the empty text, which names nothing. */
export function decodePath(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return ''
  }
}
