import { HoldfastError } from '@holdfast/api/contract/errors'
import type { Caller, Origin } from '@holdfast/api/services'
import type { Clock } from '../../platform/clock.ts'
import type { Directory, SessionRecord } from '../../state/directory.ts'
import type { DpopVerifier } from '../../trust/dpop.ts'
import { hashToken, isSessionToken } from '../../trust/tokens.ts'
import type { SecurityEvents } from '../audit/security-events.ts'

export interface HttpCredentials {
  token: string
  /** The browser's cookie brought it; the HTTP edge has checked the page's origin. */
  viaCookie: boolean
  proof: string | null
  method: string
  path: string
}

export interface SocketCredentials {
  token: string
  proof: string | null
  /** The nonce of the hello frame. */
  nonce: string
  remote: string
}

interface ExpectedProof {
  method: string
  path: string
  token: string
  nonce?: string
}

const clientPath = '/client/v1'
/** A node that cannot learn the newest by then decides by what it knows. */
const catchUpMs = 1500

/**
 * Decides whether credentials are good, from memory, on every request. A session that is bound to a device is good only
 * with a proof of that device's key: the token alone is worth nothing to whoever copies it, in a header or in a cookie,
 * which he can forge with the origin that a browser would vouch for. A browser's own session is bound to no device.
 */
export class SessionGuard {
  private readonly directory: Directory
  private readonly dpop: DpopVerifier
  private readonly security: SecurityEvents
  private readonly clock: Clock
  private readonly catchUp: () => Promise<void>
  private catchingUp: Promise<boolean> | null = null

  constructor(options: {
    directory: Directory
    dpop: DpopVerifier
    security: SecurityEvents
    clock: Clock
    /** Resolves when this node knows what every node had acknowledged before the call. */
    catchUp?: () => Promise<void>
  }) {
    this.catchUp = options.catchUp ?? (() => Promise.resolve())
    this.directory = options.directory
    this.dpop = options.dpop
    this.security = options.security
    this.clock = options.clock
  }

  /** @throws HoldfastError `session-ended`, `proof-invalid`, `device-revoked` */
  async authenticate(credentials: HttpCredentials, origin: Pick<Origin, 'remote'>): Promise<Caller> {
    const session = await this.sessionOf(credentials.token)
    const { token, method, path, proof } = credentials
    let { deviceId } = session
    if (deviceId !== null) await this.demandProof(session, origin.remote, proof, { token, method, path })
    else if (proof !== null) deviceId = await this.shownDevice(session, proof, { method, path })
    return this.caller(session, origin.remote, deviceId)
  }

  /**
   * For the client protocol. A session without a device, such as a browser's, may add a proof to show the device the browser is.
   * @throws HoldfastError as `authenticate`, and `device-required` when policy demands an approved device
   */
  async authenticateSocket({ token, proof, nonce, remote }: SocketCredentials): Promise<Caller> {
    const session = await this.sessionOf(token)
    let { deviceId } = session
    if (deviceId !== null) {
      await this.demandProof(session, remote, proof, { token, nonce, method: 'GET', path: clientPath })
    } else if (proof !== null) {
      deviceId = await this.shownDevice(session, proof, { nonce, method: 'GET', path: clientPath })
    }
    demandDevice(this.directory, deviceId)
    const caller = this.caller(session, remote, deviceId)
    if (caller.mustChange)
      throw new HoldfastError(
        'must-change-password',
        'Your password was set by somebody else; choose your own first.',
      )
    return caller
  }

  /** Why a connection must end, or null while session, person and device are good. */
  whyEnded(sessionId: string, deviceId: string | null): HoldfastError | null {
    const session = this.directory.sessions.get(sessionId)
    const device = deviceId === null ? null : this.directory.devices.get(deviceId)
    if (device === undefined || device?.status === 'revoked')
      return new HoldfastError('device-revoked', 'This device was revoked.')
    if (session === undefined || session.expiresAt <= this.clock.now())
      return new HoldfastError('session-ended', 'This session has ended; sign in again.')
    if (this.directory.people.get(session.personId)?.status !== 'active')
      return new HoldfastError('session-ended', 'This account is suspended.')
    return null
  }

  /** A session that another node has just opened may not be known here yet, so the newest is waited for before refusing. */
  private async sessionOf(token: string): Promise<SessionRecord> {
    const find = () =>
      isSessionToken(token) ? this.directory.sessionsByHash.get(hashToken(token)) : undefined
    let session = find()
    if (session === undefined && isSessionToken(token)) {
      const certain = await this.newest()
      session = find()
      if (session === undefined && !certain)
        throw new HoldfastError(
          'no-quorum',
          'This node does not reach the others and cannot tell whether your session is good; another node can.',
          { retryAfterMs: 1000 },
        )
    }
    if (session === undefined)
      throw new HoldfastError('session-ended', 'This session has ended; sign in again.')
    const ended = this.whyEnded(session.id, session.deviceId)
    if (ended) throw ended
    return session
  }

  /** Whether this node now knows the newest. Callers share one question to the log, and wait for its answer within bounds. */
  newest(): Promise<boolean> {
    this.catchingUp ??= Promise.race([
      this.catchUp().then(
        () => true,
        () => false,
      ),
      new Promise<boolean>((resolve) => setTimeout(resolve, catchUpMs, false).unref()),
    ]).finally(() => {
      this.catchingUp = null
    })
    return this.catchingUp
  }

  /** The approved device whose key a session without one shows; null while the device waits for its approval. */
  private async shownDevice(
    session: SessionRecord,
    proof: string,
    expected: Omit<ExpectedProof, 'token'>,
  ): Promise<string | null> {
    const { thumbprint } = await this.dpop.verify(proof, expected)
    const device = this.directory.devicesByThumbprint.get(thumbprint)
    if (device === undefined || device.personId !== session.personId)
      throw new HoldfastError(
        'proof-invalid',
        'This key belongs to none of your devices; enrol this device first.',
      )
    if (device.status === 'revoked')
      throw new HoldfastError('device-revoked', `The device ${device.name} was revoked.`)
    return device.status === 'approved' ? device.id : null
  }

  /** A token without its device's proof is what a thief has: it is refused, and the audit log says so. */
  private async demandProof(
    session: SessionRecord,
    remote: string,
    proof: string | null,
    expected: ExpectedProof,
  ): Promise<void> {
    try {
      await this.checkProof(session.deviceId ?? '', proof, expected)
    } catch (error) {
      const name = this.directory.people.get(session.personId)?.name ?? ''
      const why = error instanceof Error ? error.message : String(error)
      this.security.refused({ id: session.personId, name, remote }, 'proof', why)
      throw error
    }
  }

  private async checkProof(deviceId: string, proof: string | null, expected: ExpectedProof): Promise<void> {
    if (proof === null)
      throw new HoldfastError(
        'proof-invalid',
        "This session is bound to a device: each request needs that device's proof (DPoP).",
      )
    const { thumbprint } = await this.dpop.verify(proof, expected)
    const device = this.directory.devices.get(deviceId)
    if (device === undefined || device.thumbprint !== thumbprint)
      throw new HoldfastError(
        'proof-invalid',
        'The proof was made with another key than this device enrolled.',
      )
    if (device.status !== 'approved')
      throw new HoldfastError('device-revoked', `The device ${device.name} is ${device.status}.`)
  }

  private caller(session: SessionRecord, remote: string, deviceId: string | null): Caller {
    // It may have ended while the proof was verified.
    const ended = this.whyEnded(session.id, deviceId)
    if (ended) throw ended
    const person = this.directory.people.get(session.personId)
    if (person === undefined)
      throw new HoldfastError('session-ended', 'This session has ended; sign in again.')
    return {
      sessionId: session.id,
      personId: person.id,
      name: person.name,
      displayName: person.displayName,
      role: person.role,
      deviceId,
      remote,
      ...(person.mustChange && { mustChange: true as const }),
    }
  }
}

/**
 * Where policy lets only approved devices take part in talk, refuses whoever shows none.
 * @throws HoldfastError `device-required`
 */
export function demandDevice(directory: Directory, deviceId: string | null): void {
  const policy = directory.setting<{ deviceRequired?: boolean }>('policy', {})
  if (policy.deviceRequired !== true || deviceId !== null) return
  throw new HoldfastError(
    'device-required',
    'This facility lets only approved devices take part; enrol this device.',
  )
}
