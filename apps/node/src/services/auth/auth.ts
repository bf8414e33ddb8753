import { HoldfastError } from '@holdfast/api/contract/errors'
import type * as input from '@holdfast/api/contract/inputs'
import type { Caller, LoginResult, Origin, Services, SessionView } from '@holdfast/api/services'
import type Database from 'better-sqlite3'
import type { Proposer } from '../../log/proposer.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Logger } from '../../platform/logger.ts'
import { newId } from '../../platform/random.ts'
import type { Actor } from '../../state/commands.ts'
import type { DeviceRecord, Directory, PersonRecord, SessionRecord } from '../../state/directory.ts'
import type { DpopVerifier } from '../../trust/dpop.ts'
import { checkPassword } from '../../trust/password-rules.ts'
import type { Passwords } from '../../trust/passwords.ts'
import { addressKey, RateLimiter } from '../../trust/rate-limit.ts'
import { hashRecoveryCode, newRecoveryCodes } from '../../trust/recovery-codes.ts'
import { newSessionToken } from '../../trust/tokens.ts'
import { facilitySettings } from '../settings/policy.ts'
import type { SessionPayload } from './commands.ts'

/** Tries from one address: a room of people behind one address signs in at once, a guesser does not get far. */
const triesPerRemote = { burst: 60, perSecond: 2, maxKeys: 10_000 }
/** Wrong tries from one address; each also costs the account one of its own. */
const failuresPerRemote = { burst: 20, perSecond: 1 / 6, maxKeys: 10_000 }

/** Tries with a name that nobody has, after as many as the policy allows: one for each first wait of a lock-out. */
const triesPerUnknownName = { perSecond: 1 / 30, maxKeys: 10_000 }

export interface AuthOptions {
  directory: Directory
  /** Reads password hashes, which memory does not hold. */
  db: Database.Database
  proposer: Proposer
  passwords: Pick<Passwords, 'hash' | 'verify' | 'needsRehash'>
  dpop: DpopVerifier
  clock: Clock
  logger: Logger
  /** Resolves when this node knows the newest, or cannot. */
  newest: () => Promise<unknown>
}

/** Signing in and out. Every failure is an event of the audit log and counts towards the lock-out. */
export class AuthService implements Omit<Services['auth'], never> {
  private readonly o: AuthOptions
  private readonly tries: RateLimiter
  private readonly failures: RateLimiter
  private readonly unknownNames: RateLimiter
  private readonly passwordHash: Database.Statement

  constructor(options: AuthOptions) {
    this.o = options
    this.tries = new RateLimiter(triesPerRemote, options.clock)
    this.failures = new RateLimiter(failuresPerRemote, options.clock)
    const burst = facilitySettings(options.directory).lockoutAttempts
    this.unknownNames = new RateLimiter({ ...triesPerUnknownName, burst }, options.clock)
    this.passwordHash = options.db.prepare('SELECT passwordHash FROM person WHERE id = ?').pluck()
  }

  /** @throws HoldfastError `wrong-credentials`, `locked-out`, `rate-limited`, `device-pending`, `device-revoked`, `proof-invalid` */
  async login(value: input.LoginInput, origin: Origin): Promise<LoginResult & { token: string }> {
    this.admit(origin)
    const { directory, passwords, clock } = this.o
    const person = this.activePerson(value.name)
    if (person && person.lockedUntil > clock.now()) throw lockedOut(person.lockedUntil - clock.now())
    this.admitUnknown(person, value.name)
    const known = this.hashOf(person)
    const isKnown = await passwords.verify(known, value.password)
    const { person: owner, hash } = isKnown ? { person, hash: known } : await this.newlyKnown(value, known)
    if (!owner) throw await this.failed(value.name, origin)
    if (owner.lockedUntil > clock.now()) throw lockedOut(owner.lockedUntil - clock.now())
    const device = value.proof === undefined ? null : await this.provenDevice(value.proof, owner)
    // A browser cannot prove a key with each request, so what its cookie holds is bound to none.
    const result = await this.openSession(owner, value.cookie ? null : device, origin)
    this.failures.forgive(addressKey(origin.remote))
    if (hash !== null && passwords.needsRehash(hash))
      await this.rehash({ person: owner, hash, password: value.password, sessionId: result.sessionId })
    return { ...result, mustChange: directory.people.get(owner.id)?.mustChange ?? false }
  }

  /** @throws HoldfastError `wrong-credentials`, `locked-out`, `weak-password` */
  async recover(value: input.RecoverInput, origin: Origin): Promise<LoginResult & { token: string }> {
    this.admit(origin)
    const { directory, passwords, proposer, clock } = this.o
    const person = this.activePerson(value.name)
    if (person && person.lockedUntil > clock.now()) throw lockedOut(person.lockedUntil - clock.now())
    const codeHash = hashRecoveryCode(value.code)
    const settings = facilitySettings(directory)
    checkPassword(value.newPassword, {
      minLength: settings.passwordMinLength,
      notEqualTo: [value.name, settings.facility],
    })
    if (!person || codeHash === null) throw await this.failed(value.name, origin, wrongRecovery)
    const token = newSessionToken()
    const session = this.sessionPayload(person, token.hash, null, origin)
    try {
      await proposer.propose('auth.recover', actorOf(person, origin), {
        personId: person.id,
        codeHash,
        passwordHash: await passwords.hash(value.newPassword),
        session,
      })
    } catch (error) {
      if (error instanceof HoldfastError && error.code === 'wrong-credentials')
        throw await this.failed(value.name, origin, wrongRecovery)
      throw error
    }
    return { token: token.token, ...loginResult(person, session, null), mustChange: false }
  }

  /** A new session of a person whose identity has been shown by other means (first set-up). */
  async openSession(
    person: PersonRecord,
    device: DeviceRecord | null,
    origin: Origin,
  ): Promise<LoginResult & { token: string }> {
    const token = newSessionToken()
    const bound = device?.status === 'approved' ? device : null
    const session = this.sessionPayload(person, token.hash, bound?.id ?? null, origin)
    await this.o.proposer.propose('session.create', actorOf(person, origin), session)
    return { token: token.token, ...loginResult(person, session, device) }
  }

  async logout(caller: Caller): Promise<void> {
    await this.o.proposer.propose('session.end', callerActor(caller), {
      id: caller.sessionId,
      reason: 'signed out',
    })
  }

  /** @throws HoldfastError `wrong-credentials`, `locked-out`, `rate-limited`, `weak-password` */
  async changePassword(value: input.ChangePasswordInput, caller: Caller): Promise<void> {
    const { passwords, directory, proposer } = this.o
    await this.confirmPassword(value.current, caller)
    const settings = facilitySettings(directory)
    checkPassword(value.next, {
      minLength: settings.passwordMinLength,
      notEqualTo: [caller.name, caller.displayName, settings.facility],
    })
    if (value.next === value.current)
      throw new HoldfastError('weak-password', 'The new password is the old one; choose another.')
    await proposer.propose('person.setPassword', callerActor(caller), {
      id: caller.personId,
      passwordHash: await passwords.hash(value.next),
      mustChange: false,
      keepSession: caller.sessionId,
    })
  }

  /** @throws HoldfastError `wrong-credentials`, `locked-out`, `rate-limited` */
  async renewRecoveryCodes(
    { password }: { password: string },
    caller: Caller,
  ): Promise<{ recoveryCodes: string[] }> {
    await this.confirmPassword(password, caller)
    const codes = newRecoveryCodes()
    await this.o.proposer.propose('auth.renewRecoveryCodes', callerActor(caller), {
      personId: caller.personId,
      codeHashes: codes.map(({ hash }) => hash),
    })
    return { recoveryCodes: codes.map(({ code }) => code) }
  }

  async sessions(caller: Caller): Promise<SessionView[]> {
    return sessionViews(this.o.directory, caller.personId, caller.sessionId)
  }

  async endSession({ id }: { id: string }, caller: Caller): Promise<void> {
    if (this.o.directory.sessions.get(id)?.personId !== caller.personId)
      throw new HoldfastError('not-found', 'You have no such session.')
    await this.o.proposer.propose('session.end', callerActor(caller), { id, reason: 'ended by its owner' })
  }

  /** Whoever has stolen a session must not find out the password, so guesses here count as guesses at signing in. */
  private async confirmPassword(password: string, caller: Caller): Promise<void> {
    const { passwords, directory, clock } = this.o
    const origin: Origin = { remote: caller.remote, userAgent: '' }
    this.admit(origin)
    const lockedUntil = directory.people.get(caller.personId)?.lockedUntil ?? 0
    if (lockedUntil > clock.now()) throw lockedOut(lockedUntil - clock.now())
    const hash = (this.passwordHash.get(caller.personId) as string | null) ?? null
    if (!(await passwords.verify(hash, password))) throw await this.failed(caller.name, origin)
  }

  private hashOf(person: PersonRecord | undefined): string | null {
    return person ? ((this.passwordHash.get(person.id) as string | null) ?? null) : null
  }

  /**
   * Whose password it is, if another node gave it a moment ago: this one may not have heard of it yet, so the newest is
   * waited for before anybody is refused.
   */
  private async newlyKnown(
    { name, password }: { name: string; password: string },
    refused: string | null,
  ): Promise<{ person: PersonRecord | undefined; hash: string | null }> {
    await this.o.newest()
    const person = this.activePerson(name)
    const hash = this.hashOf(person)
    const isNew = hash !== refused && (await this.o.passwords.verify(hash, password))
    return { person: isNew ? person : undefined, hash }
  }

  private admit(origin: Origin): void {
    // Whatever comes of a try is written. Clients ask again while there is no majority: that costs no hash, and no try.
    this.o.proposer.admit()
    const key = addressKey(origin.remote)
    if (!this.tries.take(key)) throw rateLimited(this.tries.waitMs(key))
    const wait = this.failures.waitMs(key)
    if (wait > 0) throw rateLimited(wait)
  }

  /** Names that nobody has are locked out like others, so that trying does not tell which exist. */
  private admitUnknown(person: PersonRecord | undefined, name: string): void {
    const key = name.trim().toLowerCase()
    if (person === undefined && !this.unknownNames.take(key)) throw lockedOut(this.unknownNames.waitMs(key))
  }

  private activePerson(name: string): PersonRecord | undefined {
    const person = this.o.directory.peopleByName.get(name.trim().toLowerCase())
    return person?.status === 'active' ? person : undefined
  }

  private async failed(name: string, origin: Origin, message = wrongPassword): Promise<HoldfastError> {
    const { directory, proposer } = this.o
    this.failures.take(addressKey(origin.remote))
    const person = this.activePerson(name)
    const actor: Actor = { id: 'anonymous', name: name.slice(0, 64), remote: origin.remote }
    const attempts = facilitySettings(directory).lockoutAttempts
    await proposer.propose('login.failed', actor, {
      name: name.slice(0, 64),
      personId: person?.id ?? null,
      attempts,
      count: 1,
    })
    return new HoldfastError('wrong-credentials', message)
  }

  /** The device whose key signed the proof; it must be enrolled by this person and not revoked. */
  private async provenDevice(proof: string, person: PersonRecord): Promise<DeviceRecord> {
    const { thumbprint } = await this.o.dpop.verify(proof, { method: 'POST', path: '/trpc/auth.login' })
    const device = this.o.directory.devicesByThumbprint.get(thumbprint)
    if (device === undefined || device.personId !== person.id)
      throw new HoldfastError(
        'proof-invalid',
        'This key belongs to none of your devices; sign in without it and enrol the device.',
      )
    if (device.status === 'revoked')
      throw new HoldfastError(
        'device-revoked',
        `The device ${device.name} was revoked; ask an administrator.`,
      )
    return device
  }

  /** The session is open already: what fails here is done at the next sign-in. */
  private async rehash(signedIn: {
    person: PersonRecord
    hash: string
    password: string
    sessionId: string
  }): Promise<void> {
    const { person, hash, password, sessionId } = signedIn
    try {
      const passwordHash = await this.o.passwords.hash(password)
      // Changed meanwhile: the old password must not come back.
      if (this.hashOf(person) !== hash) return
      await this.o.proposer.propose(
        'person.setPassword',
        { id: person.id, name: person.name, remote: '' },
        { id: person.id, passwordHash, mustChange: person.mustChange, keepSession: sessionId },
      )
    } catch (error) {
      this.o.logger.warn({ err: error, person: person.id }, 'a password was not hashed anew')
    }
  }

  private sessionPayload(
    person: PersonRecord,
    tokenHash: string,
    deviceId: string | null,
    origin: Origin,
  ): SessionPayload {
    const days = facilitySettings(this.o.directory).sessionDays
    return {
      id: newId('s'),
      personId: person.id,
      tokenHash,
      deviceId,
      userAgent: origin.userAgent.slice(0, 200),
      remote: origin.remote,
      expiresAt: this.o.clock.now() + days * 86_400_000,
    }
  }
}

export const callerActor = (caller: Caller): Actor => ({
  id: caller.personId,
  name: caller.name,
  remote: caller.remote,
})
const actorOf = (person: PersonRecord, origin: Origin): Actor => ({
  id: person.id,
  name: person.name,
  remote: origin.remote,
})

function loginResult(
  person: PersonRecord,
  session: SessionPayload,
  device: DeviceRecord | null,
): LoginResult {
  const { id, name, displayName, role } = person
  const deviceStatus = device === null || device.status === 'revoked' ? null : device.status
  return {
    sessionId: session.id,
    person: { id, name, displayName, role },
    mustChange: person.mustChange,
    deviceId: device?.id ?? null,
    deviceStatus,
    expiresAt: session.expiresAt,
  }
}

const wrongPassword = 'Name or password is wrong.'
const wrongRecovery = 'Name or recovery code is wrong, or the code was used before.'
const seconds = (ms: number): string => `${Math.max(1, Math.ceil(ms / 1000))} s`
const lockedOut = (ms: number) =>
  new HoldfastError(
    'locked-out',
    `Too many wrong passwords; wait ${seconds(ms)}, or ask an administrator to unlock the account.`,
    { retryAfterMs: ms },
  )
const rateLimited = (ms: number) =>
  new HoldfastError('rate-limited', `Too many tries from this address; wait ${seconds(ms)}.`, {
    retryAfterMs: ms,
  })

export function sessionViews(
  directory: Directory,
  personId: string,
  currentId: string | null,
): SessionView[] {
  return [...directory.sessions.values()]
    .filter((session) => session.personId === personId)
    .sort((a, b) => b.createdAt - a.createdAt)
    .map((session) => sessionView(directory, session, currentId))
}

function sessionView(directory: Directory, session: SessionRecord, currentId: string | null): SessionView {
  const { id, personId, deviceId, userAgent, remote, createdAt, expiresAt } = session
  const deviceName = deviceId === null ? null : (directory.devices.get(deviceId)?.name ?? null)
  return {
    id,
    personId,
    personName: directory.people.get(personId)?.name ?? '',
    deviceId,
    deviceName,
    userAgent,
    remote,
    createdAt,
    expiresAt,
    current: id === currentId,
  }
}
