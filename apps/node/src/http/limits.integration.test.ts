import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { limits } from '@holdfast/api/contract/limits'
import { expect, test } from 'vitest'
import { browser, makeTls, readAll, startHttp, testConfig } from './http-fixture.ts'

const errorOf = (body: string): string => JSON.parse(body).error.data.holdfast

test('a body over the bound is refused, announced or not', async () => {
  await using server = await startHttp()
  const large = { name: 'ada', password: 'x'.repeat(limits.httpBodyBytes) }
  const announced = await server.mutate('auth.login', large)
  expect([announced.status, errorOf(announced.body)]).toEqual([413, 'too-large'])

  const socket = await server.connectTls()
  const answer = readAll(socket)
  socket.write(
    'POST /trpc/auth.login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
  )
  const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
  for (let sent = 0; sent <= limits.httpBodyBytes && !socket.destroyed; sent += 0x10000) socket.write(chunk)
  expect(await answer).toMatch(/^HTTP\/1\.1 413 /)
  expect(server.seen.logins).toBe(0)
})

test('a body of the largest size is taken', async () => {
  await using server = await startHttp()
  const frame = JSON.stringify({ name: 'ada', password: '' }).length
  const answer = await server.mutate('auth.login', {
    name: 'ada',
    password: 'x'.repeat(limits.httpBodyBytes - frame),
  })
  // The password is too long for the schema, which had to read all of it to say so.
  expect([answer.status, errorOf(answer.body)]).toEqual([400, 'bad-request'])
})

test('headers and batches over the bound are refused', async () => {
  await using server = await startHttp()
  expect((await server.call('/healthz', { headers: { 'x-long': 'x'.repeat(17_000) } })).status).toBe(431)
  expect((await server.call(`/${'x'.repeat(17_000)}`)).status).toBe(431)
  const batch = (calls: number) =>
    server.call(`/trpc/${Array(calls).fill('setup.state').join(',')}?batch=1`, { headers: browser(server) })
  expect((await batch(50)).status).toBe(200)
  expect((await batch(51)).status).toBe(400)
})

test('whoever is slow with the handshake or the headers is cut off', async () => {
  await using server = await startHttp({ config: { ...testConfig, headersTimeoutMs: 200 } })
  const silentTcp = connectTcp(server.port, 'localhost')
  const silentTls = await server.connectTls()
  const halfRequest = await server.connectTls()
  halfRequest.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ')
  const answers = await Promise.all([silentTcp, silentTls, halfRequest].map(readAll))
  expect(answers[0]).toBe('')
  expect(answers[2]).toMatch(/^HTTP\/1\.1 408 /)
  expect((await server.call('/healthz')).status).toBe(200)
})

test('a connection over the bound is closed, and others go on', async () => {
  await using server = await startHttp({ config: { ...testConfig, maxConnections: 2 } })
  const first = await server.connectTls()
  const second = await server.connectTls()
  await expect(server.connectTls()).rejects.toThrow()
  second.destroy()
  await once(second, 'close')
  // The place is free once the server has seen the end; until then it may refuse.
  let metrics = await server.call('/metrics').catch(() => null)
  while (metrics === null) metrics = await server.call('/metrics').catch(() => null)
  expect(metrics.body).toMatch(/^holdfast_http_connections_refused_total [1-9]/m)
  first.destroy()
})

test('plain HTTP on the TLS port is told to speak HTTPS', async () => {
  await using server = await startHttp()
  const socket = connectTcp(server.port, 'localhost')
  const answer = readAll(socket)
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  expect(await answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*put https:\/\/ in front of the address/)
})

test('garbage on the port, before and inside TLS, leaves the server up', async () => {
  await using server = await startHttp()
  for (const garbage of ['\0\0\0\0\0\0', '\x16\x03\x01\xff\xff\x01', 'SSH-2.0-x\r\n', '\xff'.repeat(5000)]) {
    const plain = connectTcp(server.port, 'localhost')
    const plainEnd = readAll(plain)
    plain.end(Buffer.from(garbage, 'latin1'))
    await plainEnd
    const inside = await server.connectTls()
    const insideEnd = readAll(inside)
    inside.end(Buffer.from(garbage, 'latin1'))
    await insideEnd
  }
  expect((await server.call('/healthz')).status).toBe(200)
})

test('only TLS 1.3 is spoken', async () => {
  await using server = await startHttp()
  const socket = await server.connectTls()
  expect(socket.getProtocol()).toBe('TLSv1.3')
  expect(socket.alpnProtocol === false || socket.alpnProtocol === 'http/1.1').toBe(true)
  socket.destroy()
})

test('a new certificate is used for new connections, the old ones stay; a broken one changes nothing', async () => {
  await using server = await startHttp()
  const before = await server.connectTls()
  const next = await makeTls('Another')
  server.http.reloadCertificate(next)
  await expect(server.connectTls()).rejects.toThrow(/certificate/)
  server.tls.ca = next.ca
  const after = await server.connectTls()
  expect(after.getPeerX509Certificate()?.fingerprint256).not.toBe(
    before.getPeerX509Certificate()?.fingerprint256,
  )
  expect((await server.call('/ca.pem')).body).toBe(next.ca)
  expect(() => server.http.reloadCertificate({ ...next, key: 'no key' })).toThrow(/cannot be used/)
  expect((await server.call('/healthz')).status).toBe(200)
  const stillOpen = readAll(before)
  before.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  expect(await stillOpen).toMatch(/^HTTP\/1\.1 200 /)
  after.destroy()
})
