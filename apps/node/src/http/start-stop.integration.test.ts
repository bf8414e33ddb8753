import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { Agent, request as httpsRequest } from 'node:https'
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Daemon, keepQuiet } from '../../test/node-process.ts'
import { closeCode, makeTls, startHttp, testConfig } from './http-fixture.ts'

/** A hang guard, and how long to wait before the next attempt. */
const answerGuardMs = 60_000
const answerStepMs = 50

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

test('a node takes connections from the socket that the service manager opened, beside its own port', async () => {
  const activate = '/usr/bin/systemd-socket-activate'
  expect(existsSync(activate), 'install it with: apt-get install systemd').toBe(true)
  const dataDir = await mkdtemp(join(tmpdir(), 'holdfast-socket-'))
  keepQuiet(dataDir)
  const managed = await freePort()
  const listen = [activate, '--listen', `127.0.0.1:${managed}`]
  const daemon = new Daemon(dataDir, ['--port', '0', '--host', '127.0.0.1'], { within: listen })
  try {
    // The first connection starts the node, and waits for it.
    const ready = await answerOf(managed, '/readyz', daemon)
    expect(JSON.parse(ready)).toEqual({ ready: true, reason: null, cluster: null, joined: true })
    await daemon.started()
    expect(daemon.port).not.toBe(managed)
    expect(await answerOf(daemon.port, '/healthz', daemon)).toBe('ok\n')
    expect(await answerOf(managed, '/healthz', daemon)).toBe('ok\n')
    expect(await daemon.end('SIGTERM')).toBe(0)
    await expect(answerOf(managed, '/healthz', daemon)).rejects.toThrow()
  } finally {
    await daemon.end('SIGKILL')
    await rm(dataDir, { recursive: true, force: true })
  }
})

test('an inherited descriptor that is no listening socket stops the start with one line', async () => {
  const file = await open('/dev/null')
  try {
    await expect(startHttp({ listeningSockets: [file.fd] })).rejects.toThrow(/^The service manager's socket/)
  } finally {
    await file.close().catch(() => {})
  }
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** The body of an answer; asks again while nobody listens yet. */
async function answerOf(port: number, path: string, daemon: Daemon): Promise<string> {
  const ask = () =>
    new Promise<string>((resolve, reject) => {
      httpsRequest({ port, host: '127.0.0.1', path, rejectUnauthorized: false, agent: false }, (answer) => {
        let body = ''
        answer.on('data', (chunk) => (body += chunk)).on('end', () => resolve(body))
      })
        .on('error', reject)
        .end()
    })
  const guard = performance.now() + answerGuardMs
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (daemon.hasEnded || performance.now() > guard) throw error
      await sleep(answerStepMs)
    }
  }
}
