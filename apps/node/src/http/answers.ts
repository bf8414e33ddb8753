import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'

/** Answers with text of one media type; a HEAD request gets the headers alone. */
export function answer(
  response: ServerResponse,
  options: { status?: number; type?: string; body: string | Buffer },
): void {
  response.statusCode = options.status ?? 200
  response.setHeader('Content-Type', options.type ?? 'text/plain; charset=utf-8')
  response.setHeader('Content-Length', Buffer.byteLength(options.body))
  response.end(options.body)
}

export function answerJson(response: ServerResponse, value: object, status = 200): void {
  answer(response, { status, type: 'application/json', body: `${JSON.stringify(value)}\n` })
}

/** Whether the method is one of `allowed`; otherwise answers 405. GET stands for HEAD too. */
export function methodAllowed(
  request: IncomingMessage,
  response: ServerResponse,
  allowed: readonly ('GET' | 'POST')[],
): boolean {
  const method = request.method === 'HEAD' ? 'GET' : request.method
  if (allowed.some((each) => each === method)) return true
  response.setHeader(
    'Allow',
    allowed.flatMap((each) => (each === 'GET' ? ['GET', 'HEAD'] : [each])).join(', '),
  )
  answer(response, { status: 405, body: `${request.method} is not possible here.\n` })
  return false
}

/** Answers on a bare socket, where there is no response object, and closes it. */
export function answerRaw(socket: Duplex, status: number, text: string): void {
  const body = `${text}\n`
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n` +
      'Connection: close\r\n' +
      'Content-Type: text/plain; charset=utf-8\r\n' +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}
