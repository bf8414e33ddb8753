/** Asks the node of this machine over HTTPS on loopback, trusting its own CA and no other. */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { isErrorCode } from '@holdfast/api/client/errors'
import type { ErrorCode } from '@holdfast/api/contract/errors'
import * as z from 'zod'
import { trustPaths } from '../trust/files.ts'
import type { AppliancePaths } from './paths.ts'

const timeoutMs = 5_000
const maxAnswerBytes = 256 * 1024
/** The appliance serves HTTPS where browsers look for it; set in the unit's drop-in. */
export const appliancePort = 443

/** The node answered, and refused. */
export class LocalNodeError extends Error {
  readonly code: ErrorCode
  constructor(code: ErrorCode, message: string) {
    super(message)
    this.name = 'LocalNodeError'
    this.code = code
  }
}

export interface LocalAnswer {
  status: number
  body: string
}

/** Whether the node serves; else why not. */
export type NodeReadiness = (
  | { ready: true }
  /** `final`: waiting will not change it. */
  | { ready: false; reason: string; final?: boolean }
) & {
  /** Nodes of its cluster that vote, and how many of them answer; null or missing: it is alone. */
  cluster?: { voters: number; healthy: number } | null
  /** Whether it has taken part in its cluster since it started; missing: an older version, which does not say. */
  joined?: boolean
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
    return this.#send(path, { method: 'GET', timeoutMs })
  }

  /**
   * Calls a procedure of the API without a session.
   * @throws LocalNodeError when it is refused; the system's error when nothing answers in time
   */
  async mutate(procedure: string, input: unknown, patienceMs: number = timeoutMs): Promise<unknown> {
    const { status, body } = await this.#send(`/trpc/${procedure}`, {
      method: 'POST',
      timeoutMs: patienceMs,
      body: JSON.stringify(input),
    })
    const answer = JSON.parse(body)
    if (status === 200) return answer.result.data
    const { message, data } = answer.error
    throw new LocalNodeError(isErrorCode(data?.holdfast) ? data.holdfast : 'internal', String(message))
  }

  #send(path: string, how: { method: string; timeoutMs: number; body?: string }): Promise<LocalAnswer> {
    const ca = this.authority()?.toString()
    return new Promise((resolve, reject) => {
      if (ca === undefined) return reject(new Error('the node has no certificates yet'))
      const call = request(
        {
          host: '127.0.0.1',
          servername: 'localhost',
          port: this.#port,
          path,
          ca,
          method: how.method,
          headers: how.body === undefined ? {} : { 'content-type': 'application/json' },
          timeout: how.timeoutMs,
        },
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
      call.end(how.body)
    })
  }

  /** Whether the node serves; else why not. */
  async readiness(): Promise<NodeReadiness> {
    try {
      const { status, body } = await this.get('/readyz')
      const { reason, onTrial, ...about } = readinessIn(body)
      // On trial it lacks nothing but the leave to let clients in.
      if (status === 200 || onTrial) return { ready: true, ...about }
      return { ready: false, reason: reason ?? `the node answers with status ${status}`, ...about }
    } catch (error) {
      return { ready: false, reason: (error as Error).message }
    }
  }
}

const readinessSchema = z.object({
  reason: z.string().nullish(),
  onTrial: z.boolean().nullish(),
  cluster: z.object({ voters: z.int().min(1), healthy: z.int().min(0) }).nullish(),
  joined: z.boolean().optional(),
})

function readinessIn(body: string): {
  reason: string | null
  onTrial: boolean
} & Pick<NodeReadiness, 'cluster' | 'joined'> {
  let value: unknown = {}
  try {
    value = JSON.parse(body)
  } catch {
    // What is no answer says nothing but its status.
  }
  const { data } = readinessSchema.safeParse(value)
  const { reason = null, onTrial, cluster = null, joined } = data ?? {}
  return { reason, onTrial: onTrial ?? false, cluster, ...(joined === undefined ? {} : { joined }) }
}
