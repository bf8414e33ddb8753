/** Asks the node of this machine over HTTPS on loopback, trusting its own CA and no other. */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { trustPaths } from '../trust/files.ts'
import type { AppliancePaths } from './paths.ts'

const timeoutMs = 5_000
const maxAnswerBytes = 256 * 1024
/** The appliance serves HTTPS where browsers look for it; set in the unit's drop-in. */
export const appliancePort = 443

export interface LocalAnswer {
  status: number
  body: string
}

export class LocalNode {
  readonly #paths: AppliancePaths
  readonly #port: number

  constructor(paths: AppliancePaths, port: number = appliancePort) {
    this.#paths = paths
    this.#port = port
  }

  /** Certificate of the CA; null until the node made one. */
  authority(): X509Certificate | null {
    try {
      return new X509Certificate(readFileSync(trustPaths(this.#paths.node).authority))
    } catch {
      return null
    }
  }

  /** @throws the system's error when nothing answers in time */
  get(path: string): Promise<LocalAnswer> {
    const ca = this.authority()?.toString()
    return new Promise((resolve, reject) => {
      if (ca === undefined) return reject(new Error('the node has no certificates yet'))
      const call = request(
        { host: '127.0.0.1', servername: 'localhost', port: this.#port, path, ca, timeout: timeoutMs },
        (response) => {
          let body = ''
          response.setEncoding('utf8')
          response.on('data', (text: string) => {
            body += text
            if (body.length > maxAnswerBytes) response.destroy(new Error('the answer is too long'))
          })
          response.on('error', reject)
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
        },
      )
      call.on('timeout', () => call.destroy(new Error('the node does not answer')))
      call.on('error', reject)
      call.end()
    })
  }

  /** Whether the node serves; else why not. */
  async readiness(): Promise<{ ready: true } | { ready: false; reason: string }> {
    try {
      const { status, body } = await this.get('/readyz')
      if (status === 200) return { ready: true }
      return { ready: false, reason: reasonOf(body) ?? `the node answers with status ${status}` }
    } catch (error) {
      return { ready: false, reason: (error as Error).message }
    }
  }
}

function reasonOf(body: string): string | null {
  try {
    const { reason } = JSON.parse(body)
    return typeof reason === 'string' ? reason : null
  } catch {
    return null
  }
}
