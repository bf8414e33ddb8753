import { once } from 'node:events'
import { Agent, request as httpsRequest } from 'node:https'
import { connect as connectTcp } from 'node:net'
import { expect, test } from 'vitest'
import { closeCode, makeTls, startHttp, testConfig } from './http-fixture.ts'

test('a port that is taken, a foreign address and a bad key stop the start with one line', async () => {
  await using server = await startHttp()
  const { port } = server
  await expect(startHttp({ config: { ...testConfig, port } })).rejects.toThrow(
    `Port ${port} is taken by another program: stop it or start with --port.`,
  )
  await expect(startHttp({ config: { ...testConfig, host: '192.0.2.1' } })).rejects.toThrow(
    'This machine has no address 192.0.2.1',
  )
  const tls = await makeTls()
  await expect(startHttp({ tls: { ...tls, key: (await makeTls()).key } })).rejects.toThrow(/cannot be used/)
})

test('IPv4 and IPv6 clients reach the same port', async () => {
  await using server = await startHttp()
  for (const host of ['127.0.0.1', '::1']) {
    const socket = connectTcp(server.port, host)
    await once(socket, 'connect')
    socket.destroy()
  }
})

test('a stopping server ends idle connections and WebSockets, and lets a running request finish', async () => {
  const started = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  const server = await startHttp({
    authenticate: async () => {
      started.resolve()
      await goOn.promise
      throw new Error('looked up too late')
    },
  })
  const agent = new Agent({ keepAlive: true, ca: server.tls.ca })
  await new Promise<void>((resolve, reject) => {
    httpsRequest({ port: server.port, host: 'localhost', path: '/healthz', agent }, (response) => {
      response.resume().on('end', resolve)
    })
      .on('error', reject)
      .end()
  })
  const idle = Object.values(agent.freeSockets).flat()[0]!
  const idleClosed = once(idle, 'close')
  const webSocket = server.webSocket('/client/v1')
  const closed = closeCode(webSocket)
  await once(webSocket, 'message')
  const running = server.call('/trpc/setup.state', { headers: { authorization: 'Bearer x' } })
  await started.promise

  const stopped = server[Symbol.asyncDispose]()
  await idleClosed
  expect(await closed).toBe(1001)
  await expect(server.call('/healthz')).rejects.toThrow('ECONNREFUSED')
  goOn.resolve()
  expect((await running).status).toBe(500)
  await stopped
  await server[Symbol.asyncDispose]()
  agent.destroy()
})
