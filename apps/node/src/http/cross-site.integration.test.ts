import type { IncomingMessage } from 'node:http'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { browser, startHttp, testToken } from './http-fixture.ts'
import { provenance } from './request.ts'

const errorOf = (body: string): string => JSON.parse(body).error.data.holdfast

test('signing in sets a cookie that scripts cannot read and other sites cannot send', async () => {
  await using server = await startHttp()
  const input = { name: 'ada', password: 'correct horse', cookie: true }
  const answer = await server.mutate('auth.login', input, { origin: server.origin })
  expect(answer.status).toBe(200)
  expect(answer.body).not.toContain(testToken)
  const [cookie, ...others] = answer.headers['set-cookie'] ?? []
  expect(others).toEqual([])
  const [pair, ...flags] = cookie!.split('; ')
  expect(pair).toBe(`__Host-holdfast=${testToken}`)
  expect(flags.toSorted()).toEqual([
    'HttpOnly',
    expect.stringMatching(/^Max-Age=3(600|599)$/),
    'Path=/',
    'SameSite=Strict',
    'Secure',
  ])

  const out = await server.mutate('auth.logout', {}, browser(server))
  expect(out.status).toBe(200)
  expect(out.headers['set-cookie']).toEqual([
    '__Host-holdfast=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict',
  ])
})

test('a streamed answer is not given, because it could not set the cookie', async () => {
  await using server = await startHttp()
  const answer = await server.call('/trpc/auth.login?batch=1', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'trpc-accept': 'application/jsonl' },
    body: JSON.stringify({ 0: { name: 'ada', password: 'correct horse', cookie: true } }),
  })
  expect(answer.headers['content-type']).toBe('application/json')
  expect(answer.headers['set-cookie']).toHaveLength(1)
})

test('the session cookie works from our own pages, the token from anywhere else', async () => {
  await using server = await startHttp()
  const cookie = { cookie: `__Host-holdfast=${testToken}` }
  const own: Record<string, string>[] = [
    { ...cookie, origin: server.origin },
    { ...cookie, origin: server.origin.toUpperCase().replace('HTTPS', 'https') },
    { ...cookie, 'sec-fetch-site': 'same-origin' },
    { authorization: `Bearer ${testToken}` },
    { authorization: `DPoP ${testToken}`, dpop: 'the proof' },
  ]
  for (const headers of own) {
    const answer = await server.mutate('auth.logout', {}, headers)
    expect(answer.status, JSON.stringify(headers)).toBe(200)
  }
  expect(server.seen.logouts).toBe(own.length)
  expect(server.seen.credentials.at(0)).toEqual({
    token: testToken,
    viaCookie: true,
    proof: null,
    method: 'POST',
    path: '/trpc/auth.logout',
  })
  expect(server.seen.credentials.at(-1)).toMatchObject({ viaCookie: false, proof: 'the proof' })
})

test('a call from a page of another site is refused, whatever it brings', async () => {
  await using server = await startHttp()
  const foreign: Record<string, string>[] = [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: `http://localhost:${server.port}` },
    { origin: `https://localhost:${server.port + 1}` },
    { origin: `https://localhost:${server.port}.evil.example` },
    { origin: `https://localhost:${server.port}@evil.example` },
    { origin: '' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
    { origin: 'https://evil.example', authorization: `Bearer ${testToken}` },
  ]
  for (const headers of foreign) {
    const name = JSON.stringify(headers)
    const changed = await server.mutate(
      'auth.logout',
      {},
      { ...browser(server), ...headers, ...(headers.origin === undefined && { origin: '' }) },
    )
    expect(changed.status, name).toBe(403)
    expect(errorOf(changed.body), name).toBe('forbidden')
  }
  const signIn = await server.mutate('auth.login', { name: 'ada', password: 'x', cookie: true }, foreign[0])
  expect(signIn.status).toBe(403)
  expect(signIn.headers).not.toHaveProperty('set-cookie')
  expect(server.seen).toMatchObject({ logouts: 0, logins: 0 })
})

test('a cookie without a word from a browser changes nothing, and reads', async () => {
  await using server = await startHttp()
  const cookie = { cookie: `__Host-holdfast=${testToken}` }
  const changed = await server.mutate('auth.logout', {}, cookie)
  expect(changed.status).toBe(401)
  expect((await server.call('/trpc/presence.list', { headers: cookie })).status).toBe(200)
  const foreign = { ...cookie, 'sec-fetch-site': 'cross-site' }
  expect((await server.call('/trpc/presence.list', { headers: foreign })).status).toBe(403)
  expect(server.seen.logouts).toBe(0)
})

test('what forms can send is no call', async () => {
  await using server = await startHttp()
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    '',
  ]) {
    const answer = await server.mutate('auth.logout', {}, { ...browser(server), 'content-type': type })
    expect(answer.status, type).toBe(415)
    expect(errorOf(answer.body)).toBe('bad-request')
  }
  expect(server.seen.logouts).toBe(0)
  const withCharset = { ...browser(server), 'content-type': 'application/json; charset=utf-8' }
  expect((await server.mutate('auth.logout', {}, withCharset)).status).toBe(200)
})

test('GET cannot change anything, and a subscription is no HTTP call', async () => {
  await using server = await startHttp()
  const headers = browser(server)
  for (const path of ['/trpc/auth.logout', '/trpc/auth.logout?batch=1&input=%7B%7D']) {
    expect((await server.call(path, { headers })).status, path).toBe(405)
  }
  expect((await server.call('/trpc/auth.logout', { headers, method: 'HEAD' })).body).toBe('')
  expect(server.seen.logouts).toBe(0)
  for (const path of ['/trpc/presence.live', '/trpc/setup.state%2Cpresence.live?batch=1']) {
    const stream = await server.call(path, { headers: { ...headers, accept: 'text/event-stream' } })
    expect(stream, path).toMatchObject({ status: 426, body: 'Subscribe over the WebSocket /trpc.\n' })
  }
  expect(server.seen.subscriptions).toBe(0)
})

test('an ended session is told apart from none', async () => {
  await using server = await startHttp()
  server.sessions.clear()
  const ended = await server.mutate('auth.logout', {}, browser(server))
  expect([ended.status, errorOf(ended.body)]).toEqual([401, 'session-ended'])
  const none = await server.mutate('auth.logout', {}, { origin: server.origin })
  expect([none.status, errorOf(none.body)]).toEqual([401, 'unauthenticated'])
  // An overlong token is not looked up at all.
  const calls = server.seen.credentials.length
  await server.mutate('auth.logout', {}, { authorization: `Bearer ${'x'.repeat(513)}` })
  expect(server.seen.credentials).toHaveLength(calls)
})

test('no origin but the very own counts as own', () => {
  const judge = (headers: Record<string, string>) => provenance({ headers } as unknown as IncomingMessage)
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.webUrl(),
        fc.domain().map((d) => `https://${d}`),
      ),
      (origin) => {
        const host = 'node1.local:7443'
        if (URL.parse(origin)?.origin === `https://${host}`) return
        expect(judge({ origin, host, 'sec-fetch-site': 'same-origin' })).toBe('foreign')
      },
    ),
  )
  expect(judge({ origin: 'https://node1.local', host: 'node1.local:443' })).toBe('own')
  expect(judge({ origin: 'https://[fe80::1]:7443', host: '[fe80::1]:7443' })).toBe('own')
  expect(judge({ origin: 'https://node1.local' })).toBe('foreign')
})
