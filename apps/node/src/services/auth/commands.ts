/** Sessions, failed logins and the making of the facility. */
import { type Applying, type Handler, refuse } from '../../state/applying.ts'
import { endSessions, insertPerson, type PersonAddPayload, personOf } from '../identity/commands.ts'

export interface SessionPayload {
  id: string
  personId: string
  tokenHash: string
  deviceId: string | null
  userAgent: string
  remote: string
  expiresAt: number
}

/** Sessions that one person may have; the oldest goes when another comes. */
export const maxSessionsPerPerson = 100
/** The first wait after too many failures; each further failure doubles it up to the longest. */
const firstLockMs = 30_000
const longestLockMs = 3600_000

function insertSession(applying: Applying, s: SessionPayload): void {
  const mine = [...applying.directory.sessions.values()]
    .filter((other) => other.personId === s.personId)
    .sort((a, b) => a.createdAt - b.createdAt)
  for (const old of mine.slice(0, Math.max(0, mine.length - maxSessionsPerPerson + 1))) {
    applying.run('DELETE FROM session WHERE id = ?', old.id)
    applying.changed('session', old.id)
  }
  applying.run(
    'INSERT INTO session (id, personId, tokenHash, deviceId, userAgent, remote, createdAt, expiresAt) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    s.id,
    s.personId,
    s.tokenHash,
    s.deviceId,
    s.userAgent,
    s.remote,
    applying.at,
    s.expiresAt,
  )
  applying.changed('session', s.id)
}

const createSession: Handler<SessionPayload> = (applying, s, actor) => {
  const person = personOf(applying, s.personId)
  if (person.status !== 'active') refuse('forbidden', 'This account is suspended; ask an administrator.')
  if (person.lockedUntil > applying.at) refuse('locked-out', 'Too many wrong passwords; wait and try again.')
  if (s.deviceId !== null && applying.directory.devices.get(s.deviceId)?.status !== 'approved')
    refuse('device-revoked', 'This device is not approved.')
  insertSession(applying, s)
  if (person.failedLogins > 0) {
    applying.run('UPDATE person SET failedLogins = 0, lockedUntil = 0 WHERE id = ?', person.id)
    applying.changed('person', person.id)
  }
  applying.audit(actor, {
    action: 'auth.login',
    target: person.id,
    detail: { session: s.id, device: s.deviceId, userAgent: s.userAgent },
  })
}

const endSession: Handler<{ id: string; reason: string }> = (applying, { id, reason }, actor) => {
  const session = applying.directory.sessions.get(id)
  if (session === undefined) return refuse('not-found', 'This session has ended already.')
  applying.run('DELETE FROM session WHERE id = ?', id)
  applying.changed('session', id)
  applying.audit(actor, {
    action: 'auth.session-ended',
    target: session.personId,
    detail: { session: id, reason },
  })
}

/** Sessions past their end; proposed by a timer, so not each is worth an event. */
const sweepSessions: Handler<{ ids: string[] }> = (applying, { ids }) => {
  for (const id of ids) {
    const session = applying.directory.sessions.get(id)
    if (session === undefined || session.expiresAt > applying.at) continue
    applying.run('DELETE FROM session WHERE id = ?', id)
    applying.changed('session', id)
  }
}

const loginFailed: Handler<{ name: string; personId: string | null; attempts: number; count: number }> = (
  applying,
  p,
  actor,
) => {
  const person = p.personId === null ? undefined : applying.directory.people.get(p.personId)
  let lockedUntil = 0
  if (person !== undefined) {
    const failed = person.failedLogins + p.count
    if (failed >= p.attempts)
      lockedUntil =
        applying.at + Math.min(longestLockMs, firstLockMs * 2 ** Math.min(20, failed - p.attempts))
    applying.run(
      'UPDATE person SET failedLogins = ?, lockedUntil = ? WHERE id = ?',
      failed,
      lockedUntil,
      person.id,
    )
    applying.changed('person', person.id)
  }
  applying.audit(actor, {
    action: lockedUntil > 0 ? 'auth.locked-out' : 'auth.login-failed',
    target: person?.id ?? p.name,
    outcome: 'refused',
    detail: { name: p.name, known: person !== undefined, count: p.count, lockedUntil: lockedUntil || null },
  })
  return lockedUntil
}

const recover: Handler<{
  personId: string
  codeHash: string
  passwordHash: string
  session: SessionPayload
}> = (applying, p, actor) => {
  const person = personOf(applying, p.personId)
  if (person.status !== 'active') refuse('forbidden', 'This account is suspended; ask an administrator.')
  const used = applying.run(
    'UPDATE recovery_code SET usedAt = ? WHERE hash = ? AND personId = ? AND usedAt IS NULL',
    applying.at,
    p.codeHash,
    p.personId,
  )
  if (used.changes === 0)
    refuse('wrong-credentials', 'Name or recovery code is wrong, or the code was used before.')
  applying.run(
    'UPDATE person SET passwordHash = ?, mustChange = 0, failedLogins = 0, lockedUntil = 0, updatedAt = ? WHERE id = ?',
    p.passwordHash,
    applying.at,
    p.personId,
  )
  endSessions(applying, p.personId)
  applying.changed('person', p.personId)
  insertSession(applying, p.session)
  const left =
    applying.get<{ n: number }>(
      'SELECT count(*) AS n FROM recovery_code WHERE personId = ? AND usedAt IS NULL',
      p.personId,
    )?.n ?? 0
  applying.audit(actor, {
    action: 'auth.recovered',
    target: p.personId,
    detail: { name: person.name, codesLeft: left },
  })
}

function insertRecoveryCodes(applying: Applying, personId: string, hashes: readonly string[]): void {
  for (const hash of hashes)
    applying.run(
      'INSERT INTO recovery_code (hash, personId, createdAt) VALUES (?, ?, ?)',
      hash,
      personId,
      applying.at,
    )
}

/** The old codes go with those that were used: whoever holds the old sheet holds nothing. */
const renewRecoveryCodes: Handler<{ personId: string; codeHashes: string[] }> = (applying, p, actor) => {
  const person = personOf(applying, p.personId)
  if (person.status !== 'active' || person.role !== 'owner')
    refuse('forbidden', 'Only owners have recovery codes.')
  applying.run('DELETE FROM recovery_code WHERE personId = ?', person.id)
  insertRecoveryCodes(applying, person.id, p.codeHashes)
  applying.audit(actor, {
    action: 'auth.recovery-codes-renewed',
    target: person.id,
    detail: { name: person.name, codes: p.codeHashes.length },
  })
}

export interface FacilityPayload {
  facility: string
  node: { id: string; name: string; fingerprint: string; certificate: string }
  caFingerprint: string
  owner: PersonAddPayload
  recoveryCodeHashes: string[]
  settings: Record<string, unknown>
}

const createFacility: Handler<FacilityPayload> = (applying, p, actor) => {
  if (applying.directory.people.size > 0) refuse('already-set-up', 'This node is set up already.')
  for (const [key, value] of Object.entries({ ...p.settings, facility: p.facility })) {
    applying.run(
      'INSERT INTO setting (key, value, updatedAt) VALUES (?, ?, ?)',
      key,
      JSON.stringify(value),
      applying.at,
    )
    applying.changed('setting', key)
  }
  applying.run(
    'INSERT INTO node (id, name, fingerprint, certificate, addedAt) VALUES (?, ?, ?, ?, ?)',
    p.node.id,
    p.node.name,
    p.node.fingerprint,
    p.node.certificate,
    applying.at,
  )
  applying.changed('node', p.node.id)
  insertPerson(applying, p.owner)
  insertRecoveryCodes(applying, p.owner.id, p.recoveryCodeHashes)
  applying.audit(actor, {
    action: 'facility.created',
    target: p.node.id,
    detail: { facility: p.facility, node: p.node.name, caFingerprint: p.caFingerprint, owner: p.owner.name },
  })
}

/** Security events that change nothing else, such as refused access; bounded by their proposer. */
const securityEvent: Handler<{ action: string; target: string; detail: Record<string, unknown> }> = (
  applying,
  p,
  actor,
) => {
  applying.audit(actor, { action: p.action, target: p.target, outcome: 'refused', detail: p.detail })
}

/** Reading that is itself worth an event. */
const auditUsed: Handler<{ action: string; detail: Record<string, unknown> }> = (applying, p, actor) => {
  applying.audit(actor, { action: p.action, target: 'audit', detail: p.detail })
}

export const authHandlers = {
  'audit.used': auditUsed,
  'session.create': createSession,
  'session.end': endSession,
  'session.sweep': sweepSessions,
  'login.failed': loginFailed,
  'auth.recover': recover,
  'auth.renewRecoveryCodes': renewRecoveryCodes,
  'facility.create': createFacility,
  'security.event': securityEvent,
}
