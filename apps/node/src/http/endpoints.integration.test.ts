import { X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import { Secret } from '../config/secrets.ts'
import { browser, startHttp, testCaller, testConfig, testToken } from './http-fixture.ts'

test('health, readiness, well-known and the CA certificate', async () => {
  let reason: string | null = 'The log has not caught up.'
  await using server = await startHttp({ readiness: () => ({ ready: reason === null, reason }) })
  expect(await server.call('/healthz')).toMatchObject({ status: 200, body: 'ok\n' })
  const notReady = await server.call('/readyz')
  expect(notReady.status).toBe(503)
  expect(JSON.parse(notReady.body)).toEqual({ ready: false, reason })
  reason = null
  expect((await server.call('/readyz')).status).toBe(200)
  const wellKnown = await server.call('/.well-known/holdfast')
  expect(wellKnown.headers['content-type']).toBe('application/json')
  expect(JSON.parse(wellKnown.body)).toEqual({ facility: 'Test' })
  const ca = await server.call('/ca.pem')
  expect(ca.headers['content-type']).toBe('application/x-pem-file')
  expect(new X509Certificate(ca.body).ca).toBe(true)
})

test('every answer carries the security headers', async () => {
  await using server = await startHttp()
  for (const path of [
    '/',
    '/healthz',
    '/ca.pem',
    '/nothing',
    '/trpc/setup.state',
    '/trpc/no.such',
    '/client/v1',
  ]) {
    const { headers } = await server.call(path)
    expect(headers, path).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
    })
    expect(headers['content-security-policy'], path).toMatch(/^default-src 'none'/)
    expect(headers['permissions-policy'], path).toContain('camera=()')
    expect(headers, path).not.toHaveProperty('strict-transport-security')
    expect(headers, path).not.toHaveProperty('access-control-allow-origin')
    expect(headers, path).not.toHaveProperty('x-powered-by')
  }
})

test('HSTS is sent when it is set', async () => {
  await using server = await startHttp({ config: { ...testConfig, hstsSeconds: 600 } })
  expect((await server.call('/healthz')).headers['strict-transport-security']).toBe('max-age=600')
})

test('other methods are refused and the possible ones named', async () => {
  await using server = await startHttp()
  for (const path of ['/healthz', '/ca.pem', '/', '/metrics']) {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH']) {
      const answer = await server.call(path, { method })
      expect(answer.status, `${method} ${path}`).toBe(405)
      expect(answer.headers.allow).toBe('GET, HEAD')
    }
  }
  const head = await server.call('/healthz', { method: 'HEAD' })
  expect(head).toMatchObject({ status: 200, body: '' })
  expect(head.headers['content-length']).toBe('3')
  expect((await server.call('/trpc/auth.login', { method: 'PUT' })).headers.allow).toBe('GET, HEAD, POST')
  expect((await server.call('/client/v1')).status).toBe(426)
})

test('metrics are for this machine, the token and people who may see the overview', async () => {
  await using server = await startHttp({ metricsToken: new Secret('scrape-me') })
  const local = await server.call('/metrics')
  expect(local.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(local.body).toContain('holdfast_test 1\n')
  expect(local.body).toMatch(/^holdfast_http_connections 1$/m)
  // A proxy on this machine makes everybody look local, and says so.
  const proxied = { 'x-forwarded-for': '10.0.0.9' }
  const status = async (headers: Record<string, string>) =>
    (await server.call('/metrics', { headers: { ...proxied, ...headers } })).status
  expect(await status({})).toBe(401)
  expect(await status({ authorization: 'Bearer wrong' })).toBe(401)
  expect(await status({ authorization: 'Bearer scrape-me' })).toBe(200)
  expect(await status(browser(server))).toBe(200)
  expect(await status({ ...browser(server), origin: 'https://elsewhere' })).toBe(401)
  server.sessions.set(testToken, testCaller('member'))
  expect(await status(browser(server))).toBe(401)
})

test('a failure of the node is answered without its details', async () => {
  await using server = await startHttp({
    wellKnown: () => {
      throw new Error('secret path /var/lib/x')
    },
  })
  const answer = await server.call('/.well-known/holdfast')
  expect(answer.status).toBe(500)
  expect(answer.body).not.toContain('/var/lib')
  expect((await server.call('/healthz')).status).toBe(200)
})

test('while clients are kept out no call and no connection reaches a service, and everything else answers', async () => {
  let closed: string | null = 'This node tries a new version.'
  const readiness = () => ({ ready: closed === null, reason: closed, onTrial: closed !== null })
  await using server = await startHttp({ closed: () => closed, readiness })
  const login = () => server.mutate('auth.login', { name: 'ada', password: 'a long enough one' })
  const refused = await login()
  expect([refused.status, server.seen.logins]).toEqual([503, 0])
  expect(refused.body).toContain('This node tries a new version.')
  // By this a client knows that nothing was done, and asks another node.
  expect(JSON.parse(refused.body).error.data.retryAfterMs).toBeGreaterThan(0)
  const opened = (path: string) =>
    new Promise<string>((resolve) => {
      const socket = server.webSocket(path)
      socket.once('open', () => resolve('open'))
      socket.once('error', (error) => resolve(error.message))
    })
  expect(await opened('/client/v1')).toContain('503')
  expect(await opened('/trpc')).toContain('503')
  expect(server.seen.clients).toEqual([])
  expect(JSON.parse((await server.call('/readyz')).body)).toMatchObject({ ready: false, onTrial: true })
  expect((await server.call('/healthz')).status).toBe(200)
  closed = null
  expect((await login()).status).toBe(200)
  expect(await opened('/client/v1')).toBe('open')
})
