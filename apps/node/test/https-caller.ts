import type { IncomingHttpHeaders } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import type { Fetch } from '@holdfast/api/client/api'

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

export interface CallOptions {
  method?: string
  headers?: Record<string, string>
  body?: string
  /** For fetching the CA itself. */
  trustNobody?: boolean
}

/** HTTPS from one loopback address, which Linux gives to whoever asks for it. */
export interface HttpsCaller {
  readonly localAddress: string
  call(path: string, options?: CallOptions): Promise<Answer>
  fetch: Fetch
  close(): void
}

export function httpsCaller(options: {
  port: () => number
  ca: () => string
  localAddress: string
}): HttpsCaller {
  const { localAddress } = options
  const agent = new Agent({ keepAlive: true })
  const call = (path: string, { method = 'GET', headers = {}, body, trustNobody }: CallOptions = {}) =>
    new Promise<Answer>((resolve, reject) => {
      const request = httpsRequest(
        {
          host: '127.0.0.1',
          port: options.port(),
          path,
          method,
          headers: {
            ...headers,
            ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
          },
          localAddress,
          agent,
          ...(trustNobody ? { rejectUnauthorized: false } : { ca: options.ca() }),
        },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', reject)
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: Buffer.concat(chunks).toString(),
            }),
          )
        },
      )
      request.on('error', reject)
      request.end(body)
    })
  const fetch: Fetch = async (url, init) => {
    const { pathname, search } = new URL(url)
    const answer = await call(`${pathname}${search}`, {
      method: init.method ?? 'GET',
      headers: Object.fromEntries(new Headers(init.headers)),
      ...(typeof init.body === 'string' ? { body: init.body } : {}),
    })
    const date = answer.headers.date
    return new Response(answer.body, {
      status: answer.status,
      headers: { 'content-type': 'application/json', ...(date === undefined ? {} : { date }) },
    })
  }
  return { localAddress, call, fetch, close: () => agent.destroy() }
}
