/** Addresses of a node: `https://host:port`, with or without a slash at the end. */
import { HoldfastError } from '../contract/errors.ts'

/** Path of the client protocol, version 1. */
export const clientPath = '/client/v1'
export const trpcPath = '/trpc'

/**
 * The origin of a node's address.
 * @throws HoldfastError `bad-request` when it is not an https (or, for a node behind a local proxy, http) address.
 */
export function nodeOrigin(address: string): string {
  const url = URL.canParse(address) ? new URL(address) : null
  const schemes: Record<string, string> = {
    'https:': 'https:',
    'wss:': 'https:',
    'http:': 'http:',
    'ws:': 'http:',
  }
  const scheme = url ? schemes[url.protocol] : undefined
  if (!url || !scheme || url.host === '')
    throw new HoldfastError(
      'bad-request',
      `"${address}" is not the address of a node. Write it as https://NAME-OR-ADDRESS:7443.`,
    )
  return `${scheme}//${url.host}`
}

/** The WebSocket address of the client protocol. */
export function clientUrl(address: string): string {
  return `${nodeOrigin(address).replace(/^http/, 'ws')}${clientPath}`
}

/** What a DPoP proof names as its target (`htu`) when it authenticates a client connection. */
export function clientProofTarget(address: string): string {
  return `${nodeOrigin(address)}${clientPath}`
}
