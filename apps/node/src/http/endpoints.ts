import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { allowed } from '@holdfast/api/contract/policy'
import type { Secret } from '../config/secrets.ts'
import { answer, answerJson } from './answers.ts'
import type { HttpDependencies } from './dependencies.ts'
import { headerToken, isLoopback, remoteAddress } from './request.ts'
import { findCaller } from './trpc-context.ts'

/** The process answers: nothing is looked at, so that an orchestrator does not restart a node that is merely busy. */
export function health(response: ServerResponse): void {
  answer(response, { body: 'ok\n' })
}

export function ready(dependencies: HttpDependencies, response: ServerResponse): void {
  const state = dependencies.readiness()
  answerJson(response, state, state.ready ? 200 : 503)
}

export function wellKnown(dependencies: HttpDependencies, response: ServerResponse): void {
  answerJson(response, dependencies.wellKnown())
}

export function caCertificate(pem: string, response: ServerResponse): void {
  response.setHeader('Content-Disposition', 'attachment; filename="holdfast-ca.pem"')
  answer(response, { type: 'application/x-pem-file', body: pem })
}

/**
 * Numbers for Prometheus. They tell how busy the facility is, so they are for this machine itself, for the holder
 * of the metrics token, and for people who may see the overview.
 */
export async function metrics(
  dependencies: HttpDependencies,
  request: IncomingMessage,
  response: ServerResponse,
  own: string,
): Promise<void> {
  if (!(await mayReadMetrics(dependencies, request))) {
    response.setHeader('WWW-Authenticate', 'Bearer realm="metrics"')
    answer(response, {
      status: 401,
      body: 'Send the metrics token as "Authorization: Bearer", or read the metrics on the node itself.\n',
    })
    return
  }
  answer(response, {
    type: 'text/plain; version=0.0.4; charset=utf-8',
    body: dependencies.metrics() + own,
  })
}

async function mayReadMetrics(dependencies: HttpDependencies, request: IncomingMessage): Promise<boolean> {
  // Behind a proxy on this machine everybody comes from loopback; a proxy says so.
  const proxied = request.headers.forwarded !== undefined || request.headers['x-forwarded-for'] !== undefined
  if (!proxied && isLoopback(remoteAddress(request.socket))) return true
  const token = headerToken(request)
  if (token !== null && dependencies.metricsToken !== null && isToken(token, dependencies.metricsToken)) {
    return true
  }
  const { caller } = await findCaller(dependencies, request)
  return caller !== null && allowed('overview.status', caller.role)
}

/** Compares in a time that does not tell how much of the token was right. */
function isToken(given: string, wanted: Secret): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(wanted.reveal()))
}
