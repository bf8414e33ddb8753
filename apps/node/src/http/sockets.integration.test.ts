import { once } from 'node:events'
import { limits } from '@holdfast/api/contract/limits'
import { afterEach, expect, test } from 'vitest'
import type { WebSocket } from 'ws'
import {
  browser,
  closeCode,
  startHttp,
  type TestServer,
  testCaller,
  testToken,
  upgradeStatus,
} from './http-fixture.ts'

let open: WebSocket[] = []
afterEach(() => {
  for (const socket of open) socket.terminate()
  open = []
})

function dial(server: TestServer, path: string, headers: Record<string, string> = {}): WebSocket {
  const socket = server.webSocket(path, headers)
  socket.on('error', () => {})
  open.push(socket)
  return socket
}

/** Messages of a tRPC socket, one after the other. */
async function subscriber(server: TestServer) {
  const socket = dial(server, '/trpc', browser(server))
  expect(await upgradeStatus(socket)).toBe(101)
  const waiting: unknown[] = []
  let wake = () => {}
  socket.on('message', (data) => {
    waiting.push(JSON.parse(String(data)))
    wake()
  })
  return {
    socket,
    ask: (message: unknown) => socket.send(JSON.stringify(message)),
    next: async () => {
      while (waiting.length === 0) await new Promise<void>((resolve) => (wake = resolve))
      return waiting.shift()
    },
  }
}

const subscribe = (id: number) => ({ id, method: 'subscription', params: { path: 'presence.live' } })

test('a page of another site gets neither WebSocket, with cookie or without', async () => {
  await using server = await startHttp()
  for (const path of ['/client/v1', '/trpc']) {
    for (const origin of ['https://evil.example', 'null', `http://localhost:${server.port}`]) {
      expect(
        await upgradeStatus(dial(server, path, { ...browser(server), origin })),
        `${path} ${origin}`,
      ).toBe(403)
      expect(await upgradeStatus(dial(server, path, { origin })), `${path} ${origin}`).toBe(403)
    }
  }
  expect(server.seen.clients).toEqual([])
  expect(server.seen.credentials).toEqual([])
})

test('the gateway gets the cookie of our own pages only', async () => {
  await using server = await startHttp()
  const cookie = { cookie: `__Host-holdfast=${testToken}` }
  const cases: [Record<string, string>, string | null][] = [
    [{ ...cookie, origin: server.origin, 'user-agent': 'Browser/1' }, testToken],
    [cookie, null],
    [{ ...cookie, 'sec-fetch-site': 'same-origin' }, null],
    [{ origin: server.origin }, null],
    [{}, null],
  ]
  for (const [headers, cookieToken] of cases) {
    const socket = dial(server, '/client/v1', headers)
    const [hello] = await once(socket, 'message')
    expect(String(hello)).toBe('hello')
    expect(server.seen.clients.at(-1)?.meta).toMatchObject({
      cookieToken,
      remote: expect.stringMatching(/^(127\.|::1$)/),
    })
  }
  expect(server.seen.clients[0]?.meta.userAgent).toBe('Browser/1')
})

test('a frame over the bound or of broken text closes its own connection only', async () => {
  await using server = await startHttp()
  const other = dial(server, '/client/v1')
  await once(other, 'message')
  const large = dial(server, '/client/v1')
  await once(large, 'message')
  large.send('x'.repeat(limits.frameBytes + 1))
  expect(await closeCode(large)).toBe(1009)
  const broken = dial(server, '/client/v1')
  await once(broken, 'message')
  broken.send(Buffer.from([0xff, 0xfe]), { binary: false })
  expect(await closeCode(broken)).toBe(1007)
  expect(other.readyState).toBe(other.OPEN)
})

test('a gateway that fails costs one connection', async () => {
  let fail = true
  await using server = await startHttp({
    acceptClient: (socket) => {
      if (fail) throw new Error('no room')
      socket.send('hello')
    },
  })
  expect(await closeCode(dial(server, '/client/v1'))).toBe(1011)
  fail = false
  await once(dial(server, '/client/v1'), 'message')
})

test('there are WebSockets at two paths only', async () => {
  await using server = await startHttp()
  for (const path of ['/', '/client', '/client/v1/', '/trpc/', '/trpc/presence.live', '/healthz']) {
    expect(await upgradeStatus(dial(server, path, browser(server))), path).toBe(404)
  }
})

test('subscriptions need a live session of a browser', async () => {
  await using server = await startHttp()
  const { origin } = server
  const cookie = `__Host-holdfast=${testToken}`
  const status = (headers: Record<string, string>) => upgradeStatus(dial(server, '/trpc', headers))
  expect(await status({ origin })).toBe(401)
  expect(await status({ cookie })).toBe(401)
  expect(await status({ origin, authorization: `Bearer ${testToken}` })).toBe(401)
  expect(await status({ origin, cookie: '__Host-holdfast=wrong' })).toBe(401)
  expect(await status({ origin, cookie })).toBe(101)
})

test('a subscription starts, delivers and stops', async () => {
  await using server = await startHttp()
  const { ask, next } = await subscriber(server)
  ask(subscribe(1))
  expect(await next()).toMatchObject({ id: 1, result: { type: 'started' } })
  expect(await next()).toMatchObject({ id: 1, result: { type: 'data', data: [] } })
  expect(server.seen.subscriptions).toBe(1)
  ask({ id: 1, method: 'subscription.stop' })
  expect(await next()).toMatchObject({ id: 1, result: { type: 'stopped' } })
})

test('queries and mutations do not run over the WebSocket', async () => {
  await using server = await startHttp()
  const { ask, next } = await subscriber(server)
  for (const [method, path] of [
    ['query', 'presence.list'],
    ['mutation', 'auth.logout'],
    ['subscription', 'auth.logout'],
  ]) {
    ask({ id: 7, method, params: { path } })
    expect(await next()).toMatchObject({ id: 7, error: { data: { holdfast: 'not-found' } } })
  }
  expect(server.seen.logouts).toBe(0)
})

test('the number of subscriptions on one connection is bounded; ended ones do not count', async () => {
  await using server = await startHttp()
  const { socket, ask, next } = await subscriber(server)
  const closed = closeCode(socket)
  for (let id = 0; id < 40; id++) {
    ask({ id, method: 'subscription', params: { path: 'no.such' } })
    await next()
  }
  expect(socket.readyState).toBe(socket.OPEN)
  for (let id = 0; id < 17; id++) ask(subscribe(id))
  expect(await closed).toBe(4429)
})

test('garbage on a subscription connection is answered or closes it, and the server stays up', async () => {
  await using server = await startHttp()
  const { socket, next } = await subscriber(server)
  for (const garbage of [
    '{',
    '[]',
    '[1,null,"x"]',
    'null',
    '{"id":1,"method":"subscription"}',
    '{"method":5}',
  ]) {
    socket.send(garbage)
  }
  socket.send(Buffer.from([1, 2, 3]), { binary: true })
  expect(await next()).toHaveProperty('error')
  expect((await server.call('/healthz')).status).toBe(200)
})

test('a session that ends takes its subscriptions with it', async () => {
  await using server = await startHttp()
  const first = await subscriber(server)
  const cut = closeCode(first.socket)
  server.http.closeSessions((caller) => caller.sessionId === 'another')
  expect(first.socket.readyState).toBe(first.socket.OPEN)
  server.http.closeSessions((caller) => caller.sessionId === testCaller().sessionId)
  expect(await cut).toBe(4403)
})

test('sessions are looked at again: an ended one and a changed role close, others stay', async () => {
  await using server = await startHttp()
  const { socket } = await subscriber(server)
  await server.http.checkSessions()
  expect(socket.readyState).toBe(socket.OPEN)
  const closed = closeCode(socket)
  server.sessions.set(testToken, testCaller('member'))
  await server.http.checkSessions()
  expect(await closed).toBe(4401)

  const again = await subscriber(server)
  const ended = closeCode(again.socket)
  server.sessions.clear()
  await server.http.checkSessions()
  expect(await ended).toBe(4401)
})
