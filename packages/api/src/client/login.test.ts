/** Signing in while a cluster chooses a leader. */
import { decodeJwt } from 'jose'
import { expect, test } from 'vitest'
import type { Fetch } from './api.ts'
import { deviceKeyOf, generateKeyPair } from './device-key.ts'
import { login } from './login.ts'

const urls = ['https://a:1', 'https://b:1']

/**
 * Two nodes, as the real ones are about proofs: each is good once, also when there was no majority to keep what came of it;
 * a challenge is known to the node that gave it alone.
 * @param refusals how often each of these procedures meets no majority
 */
function cluster(refusals: Record<string, number>) {
  const used = new Set<string>()
  const challenges = new Map<string, string>()
  let enrolled = false
  const refuse = (code: string) => ({
    error: { message: code, code: -32603, data: { holdfast: code, retryAfterMs: 1000 } },
  })
  const answer = (node: string, procedure: string, input: { proof?: string }): object => {
    const { jti, nonce } = input.proof === undefined ? {} : decodeJwt(input.proof)
    if (procedure === 'devices.challenge') challenges.set(node, `${node}${challenges.size}`)
    const challenge = challenges.get(node)
    if (procedure === 'devices.enrol') challenges.delete(node)
    if (procedure === 'devices.enrol' && (challenge === undefined || nonce !== challenge))
      return refuse('proof-invalid')
    if (jti !== undefined && used.has(jti)) return refuse('proof-invalid')
    if (jti !== undefined) used.add(jti)
    // Without a proof there is nothing of which a second try could differ.
    if (input.proof !== undefined && (refusals[procedure] ?? 0) > 0) {
      refusals[procedure]! -= 1
      return refuse('no-quorum')
    }
    if (procedure === 'devices.enrol') enrolled = true
    const proven = input.proof !== undefined && enrolled
    const session = { token: 't', deviceId: proven ? 'd1' : null, deviceStatus: proven ? 'approved' : null }
    const data: Record<string, unknown> = {
      'auth.login': session,
      'devices.mine': [],
      'devices.challenge': { nonce: challenge },
      'devices.enrol': { status: 'approved' },
    }
    return { result: { data: data[procedure] ?? null } }
  }
  const fetch: Fetch = async (url, init) => {
    const { hostname, pathname } = new URL(url)
    const input = typeof init.body === 'string' ? JSON.parse(init.body) : {}
    const body = answer(hostname, pathname.split('/').at(-1) ?? '', input)
    const headers = { 'content-type': 'application/json', date: new Date().toUTCString() }
    return new Response(JSON.stringify(body), { status: 'error' in body ? 503 : 200, headers })
  }
  return { fetch, refusals }
}

test.each(['devices.enrol', 'auth.login'])(
  'regression: %s makes its proof anew while there is no majority, at whichever node',
  async (procedure) => {
    const { fetch, refusals } = cluster({ [procedure]: 3 })
    const deviceKey = await deviceKeyOf(await generateKeyPair({ extractable: false }))
    const done = await login({ urls, name: 'anna', password: 'x', deviceKey, fetch })
    expect(done.binding).toBe('bound')
    expect(refusals[procedure]).toBe(0)
  },
)
