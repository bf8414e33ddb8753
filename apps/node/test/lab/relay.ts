/**
 * A TCP relay that delays: one listener on loopback for each port of the target, whatever comes in goes out there so
 * many milliseconds later, in both directions. Prints one line of JSON with where it listens. Its argument is the plan.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

interface Plan {
  target: string
  ports: number[]
  delayMs: number
  /** Group of the sockets it makes, for whoever has to tell them from others. */
  group: number
}

/** Bytes of one direction that wait for their time; then nothing more is read. */
const maxWaitingBytes = 8 * 1024 * 1024

const plan = JSON.parse(process.argv[2] ?? '') as Plan
process.setegid?.(plan.group)
const listening = await Promise.all(plan.ports.map(async (port) => ({ port, at: await relay(port) })))
process.stdout.write(`${JSON.stringify(listening)}\n`)

async function relay(port: number): Promise<number> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ host: plan.target, port, allowHalfOpen: true, noDelay: true })
    forward(near, far)
    forward(far, near)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

function forward(from: Socket, to: Socket): void {
  let waitingBytes = 0
  from.on('data', (chunk) => {
    waitingBytes += chunk.length
    if (waitingBytes >= maxWaitingBytes) from.pause()
    setTimeout(() => {
      if (!to.destroyed) to.write(chunk)
      waitingBytes -= chunk.length
      if (waitingBytes < maxWaitingBytes && from.isPaused()) from.resume()
    }, plan.delayMs)
  })
  from.once('end', () => setTimeout(() => to.end(), plan.delayMs))
  from.once('error', () => setTimeout(() => to.resetAndDestroy(), plan.delayMs))
  from.once('close', (failed) => {
    if (!failed && !from.readableEnded) setTimeout(() => to.destroy(), plan.delayMs)
  })
}
