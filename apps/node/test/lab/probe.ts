/**
 * A host of the lab's own test: an HTTP server on every port that the cluster uses, a UDP echo, and a client that asks
 * others. Reads one question per line, `{ id, url, timeoutMs }`, and answers with `{ id, ok, body | error, tookMs }`;
 * to `{ id, echo, count, timeoutMs }` it answers how many of so many datagrams came back, `{ id, echoes }`.
 */
import { createSocket } from 'node:dgram'
import { createServer, get } from 'node:http'
import { createInterface } from 'node:readline'
import { clusterPorts } from './lab.ts'

const echoPort = 7447
const maxBytes = 16 * 1024 * 1024

for (const port of clusterPorts) {
  const server = createServer((request, response) => {
    // `/N` asks for N bytes behind the caller's address.
    const bytes = Math.min(Number(request.url?.slice(1) ?? 0) || 0, maxBytes)
    response.end(`${request.socket.remoteAddress}\n${'x'.repeat(bytes)}`)
  })
  server.listen(port, '0.0.0.0', () => process.stdout.write(`${JSON.stringify({ listening: port })}\n`))
}

const udp = createSocket('udp4', (message, sender) => udp.send(message, sender.port, sender.address))
udp.bind(echoPort)

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line) as {
    id: number
    timeoutMs: number
    url?: string
    echo?: string
    count?: number
  }
  const { id, timeoutMs, url, echo = '', count = 0 } = question
  const answer = url === undefined ? echoes(echo, count, timeoutMs) : ask(url, timeoutMs)
  void answer.then((fields) => process.stdout.write(`${JSON.stringify({ id, ...fields })}\n`))
}
process.exit()

function ask(url: string, timeoutMs: number): Promise<object> {
  const startedAt = performance.now()
  const took = () => Math.round(performance.now() - startedAt)
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(timeoutMs)
    // A connection of its own each time, so that it is the fault that is seen and not an earlier connection.
    const request = get(url, { agent: false, signal }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        body += chunk
      })
      response.on('end', () => resolve({ ok: true, body, tookMs: took() }))
      response.on('error', (error) => resolve({ ok: false, error: error.name, tookMs: took() }))
    })
    request.on('error', (error: NodeJS.ErrnoException) =>
      resolve({ ok: false, error: signal.aborted ? 'timeout' : (error.code ?? error.name), tookMs: took() }),
    )
  })
}

/** Counts the datagrams that come back; waits until all have, or for `timeoutMs` after the last one was sent. */
async function echoes(host: string, count: number, timeoutMs: number): Promise<object> {
  const socket = createSocket('udp4')
  const all = Promise.withResolvers<void>()
  let got = 0
  socket.on('message', () => {
    got += 1
    if (got === count) all.resolve()
  })
  for (let i = 0; i < count; i++) {
    await new Promise((resolve) => socket.send(`${i}`, echoPort, host, resolve))
  }
  await Promise.race([all.promise, new Promise((resolve) => setTimeout(resolve, timeoutMs))])
  socket.close()
  return { echoes: got }
}
