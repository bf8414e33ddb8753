import type { ServerResponse } from 'node:http'

const statusClasses = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const

/** Counts answers by their class of status and writes the server's own metrics. */
export class HttpCounters {
  readonly #answers = [0, 0, 0, 0, 0]
  readonly #onFinish: (this: ServerResponse) => void

  constructor() {
    const answers = this.#answers
    this.#onFinish = function (this: ServerResponse) {
      const at = Math.floor(this.statusCode / 100) - 1
      if (at in answers) answers[at]!++
    }
  }

  count(response: ServerResponse): void {
    response.once('finish', this.#onFinish)
  }

  /** Prometheus text, exposition format 0.0.4. */
  render(now: { connections: number; refused: number; clientSockets: number; trpcSockets: number }): string {
    return [
      '# HELP holdfast_http_connections Open TCP connections of the HTTPS port.',
      '# TYPE holdfast_http_connections gauge',
      `holdfast_http_connections ${now.connections}`,
      '# HELP holdfast_http_connections_refused_total Connections closed because there were too many.',
      '# TYPE holdfast_http_connections_refused_total counter',
      `holdfast_http_connections_refused_total ${now.refused}`,
      '# HELP holdfast_websockets Open WebSockets by what they carry.',
      '# TYPE holdfast_websockets gauge',
      `holdfast_websockets{kind="client"} ${now.clientSockets}`,
      `holdfast_websockets{kind="trpc"} ${now.trpcSockets}`,
      '# HELP holdfast_http_answers_total Answers to HTTP requests by class of status.',
      '# TYPE holdfast_http_answers_total counter',
      ...statusClasses.map(
        (name, at) => `holdfast_http_answers_total{status="${name}"} ${this.#answers[at]}`,
      ),
      '',
    ].join('\n')
  }
}
