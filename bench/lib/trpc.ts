import { Agent, request } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { BenchError } from './bench-error.ts'
import { loopback } from './network.ts'

/** A rate limit that does not let go after so many waits is a failure. */
const maxAttempts = 100

/** Calls procedures over HTTPS as any tool would, on one kept connection; the certificate is the one of this run. */
export class TrpcClient implements Disposable {
  readonly #port: number
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false })
  #token: string | undefined

  constructor(port: number) {
    this.#port = port
  }

  async login(name: string, password: string): Promise<string> {
    const { token } = await this.mutate<{ token: string }>('auth.login', { name, password })
    return token
  }

  /** Later calls are made with this session. */
  use(token: string): void {
    this.#token = token
  }

  mutate<Result>(path: string, input: unknown): Promise<Result> {
    return this.#call('POST', `/trpc/${path}`, JSON.stringify(input))
  }

  query<Result>(path: string, input?: object): Promise<Result> {
    const query = input === undefined ? '' : `?input=${encodeURIComponent(JSON.stringify(input))}`
    return this.#call('GET', `/trpc/${path}${query}`)
  }

  /** Whether a plain GET is answered with 200. */
  async isReady(path = '/readyz'): Promise<boolean> {
    return (await this.#exchange('GET', path)).status === 200
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }

  async #call<Result>(method: string, path: string, body?: string): Promise<Result> {
    for (let attempt = 0; ; attempt++) {
      const { status, text } = await this.#exchange(method, path, body)
      if (status === 200) return (JSON.parse(text) as { result: { data: Result } }).result.data
      const waitMs = attempt < maxAttempts ? askedToWaitMs(status, text) : undefined
      if (waitMs === undefined)
        throw new BenchError(`${method} ${path.split('?')[0]} answered ${status}: ${text.slice(0, 500)}`)
      await sleep(waitMs)
    }
  }

  #exchange(method: string, path: string, body?: string): Promise<{ status: number; text: string }> {
    const headers: Record<string, string> = { 'content-type': 'application/json' }
    if (this.#token) headers.authorization = `Bearer ${this.#token}`
    return new Promise((resolve, reject) => {
      const outgoing = request(
        { host: loopback, port: this.#port, agent: this.#agent, method, path, headers },
        (incoming) => {
          let text = ''
          incoming.setEncoding('utf8')
          incoming.on('data', (chunk: string) => {
            text += chunk
          })
          incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text }))
          incoming.on('error', reject)
        },
      )
      outgoing.on('error', reject)
      outgoing.end(body)
    })
  }
}

/** How long the node wants a caller to wait who asks too often; undefined for any other answer. */
function askedToWaitMs(status: number, text: string): number | undefined {
  if (status !== 429) return undefined
  const { error } = JSON.parse(text) as { error: { data: { retryAfterMs?: number } } }
  return error.data.retryAfterMs
}
