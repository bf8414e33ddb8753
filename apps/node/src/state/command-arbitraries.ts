/** Commands for property tests: mostly sensible ones over few names, so that they meet, and some that make no sense. */
import fc from 'fast-check'
import { signedCheckpoints } from '../services/audit/test-signer.ts'
import { type Actor, systemActor } from './commands.ts'
import type { handlers } from './handlers.ts'
import { idOf, owner } from './machine-fixture.ts'

const people = 6
const channels = 4
const groups = 3
const retentionMs = 1_000_000

const pick = (prefix: string, count: number) => fc.integer({ min: 1, max: count }).map((n) => idOf(prefix, n))
const personId = pick('p', people)
const channelId = pick('c', channels)
const groupId = pick('g', groups)
const deviceId = pick('d', 3)
const sessionId = pick('s', 4)
const name = fc.constantFrom('olga', 'anna', 'ben', 'cara', 'dora', 'eva')
const line = fc.constantFrom('', 'a', 'Ä', '😀', 'x'.repeat(200))
const members = fc.uniqueArray(personId, { maxLength: 3 })
const actor: fc.Arbitrary<Actor> = fc.oneof(
  { weight: 6, arbitrary: fc.constant(owner) },
  { weight: 1, arbitrary: fc.constant(systemActor) },
  { weight: 3, arbitrary: personId.map((id) => ({ id, name: id, remote: '10.0.0.1' })) },
)
const role = fc.constantFrom('owner', 'security', 'operator', 'helpdesk', 'auditor', 'member')
const hash = fc.constantFrom('t1', 't2', 't3', 't4', 't5')

const session = fc.record({
  id: sessionId,
  personId,
  tokenHash: hash,
  deviceId: fc.option(deviceId),
  userAgent: line,
  remote: line,
  expiresAt: fc.integer({ min: 0, max: retentionMs }),
})
const certificate = fc.record({ pem: line, serial: hash, expiresAt: fc.nat() })
const membership = {
  id: channelId,
  members,
  groups: fc.uniqueArray(groupId, { maxLength: 2 }),
  byRole: fc.boolean(),
}
const byId = (id: fc.Arbitrary<string>) => fc.record({ id })

const nodeId = fc.constantFrom('n_1', 'n_2', 'n_3')
const clusterPayloads = {
  'node.add': fc.record({
    id: nodeId,
    name: fc.constantFrom('node1', 'node2', 'node3'),
    address: fc.constantFrom('10.0.0.2', '10.0.0.3'),
    httpsPort: fc.constant(7443),
    peerPort: fc.constant(7444),
    raftPort: fc.constant(7446),
    version: fc.constant('0.1.0'),
    invitation: hash,
  }),
  'node.update': fc.record(
    { id: nodeId, address: fc.constant('10.0.0.9'), memberId: hash, raftPort: fc.constantFrom(7446, 'x') },
    { requiredKeys: ['id'] },
  ),
  'node.remove': fc.record({ id: nodeId, reason: line }),
  'invitation.create': fc.record({ id: pick('iv', 4), hash, lifeMs: fc.constantFrom(-1, retentionMs, 'x') }),
  'invitation.revoke': byId(pick('iv', 4)),
  'cluster.created': fc.record({ generation: line, node: nodeId }),
  'cluster.recovered': fc.record({
    generation: line,
    node: nodeId,
    index: fc.nat(),
    knownLoss: fc.nat(),
  }),
  'cluster.noted': fc.record({
    node: nodeId,
    action: fc.constantFrom('diverged', 'else'),
    detail: fc.constant({}),
  }),
}

/** The nodes of the facility as they mostly are, so that a rollout now and then begins and goes on. */
const rolloutId = fc.constantFrom('ro_1', 'ro_1', 'ro_1', 'ro_2')
const rolloutPayloads = {
  'rollout.begin': fc.record({
    id: rolloutId,
    bundle: hash,
    bytes: fc.nat(),
    version: fc.constant('0.2.0'),
    source: nodeId,
    by: line,
    again: fc.boolean(),
    allowPause: fc.boolean(),
    nodes: fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(['n_1', 'n_2'], ['n_1', 'n_2', 'n_3']) },
      { weight: 1, arbitrary: fc.array(nodeId, { maxLength: 3 }) },
    ),
  }),
  'rollout.step': fc.record({
    id: rolloutId,
    node: nodeId,
    event: fc.constantFrom('ask', 'confirm', 'fail'),
    reason: fc.option(line),
  }),
  'rollout.wait': fc.record({ id: rolloutId, waits: fc.option(line) }),
  'rollout.stop': fc.record({ id: rolloutId, reason: line }),
}

const checkpoints = signedCheckpoints('n_1', [1, 2, 3, 5, 8])
const cosigned = signedCheckpoints('n_2', [1, 2, 3, 5, 8])
/** The node that takes a restored state over is new, or one that is known, which is refused. */
const backupPayloads = {
  'backup.configure': fc.record({
    version: fc.integer({ min: 0, max: 3 }),
    change: fc.record(
      {
        recipient: line,
        keep: fc.integer({ min: 1, max: 365 }),
        schedule: fc.constantFrom({ kind: 'off' }, { kind: 'hours', every: 6 }),
      },
      { requiredKeys: [] },
    ),
  }),
  'backup.made': fc.record({
    node: nodeId,
    nodeName: line,
    file: line,
    bytes: fc.nat(),
    index: fc.nat(),
    sha256: hash,
    caughtUp: fc.boolean(),
    scheduled: fc.boolean(),
  }),
  'backup.failed': fc.record({ node: nodeId, reason: line, scheduled: fc.boolean() }),
  'backup.proven': fc.record({ file: line, sha256: hash, index: fc.nat(), auditSeq: fc.nat() }),
  'backup.restored': fc.record({
    node: fc.record({ id: nodeId, name: line, fingerprint: line, certificate: line }),
    createdAt: fc.nat(),
    madeBy: line,
    index: fc.nat(),
    auditSeq: fc.nat(),
    sha256: hash,
  }),
}
const auditPayloads = {
  'audit.key': fc.constantFrom(checkpoints.key, cosigned.key, { ...cosigned.key, node: 'n_1' }),
  'audit.checkpoint': fc.constantFrom(...checkpoints.checkpoints),
  'audit.cosign': fc.constantFrom(...cosigned.cosignatures, ...checkpoints.cosignatures),
  'audit.disputed': fc.record({
    size: fc.integer({ min: 0, max: 8 }),
    node: fc.constantFrom('n_1', 'n_2'),
    root: fc.constantFrom(
      Buffer.alloc(32, 9).toString('base64'),
      ...checkpoints.checkpoints.map((c) => c.root),
    ),
  }),
}

/** A payload for every control command; the type makes sure that none is forgotten. */
const payloads: Record<keyof typeof handlers & string, fc.Arbitrary<unknown>> = {
  'person.add': fc.record({
    id: personId,
    name,
    displayName: line,
    role,
    kind: fc.constantFrom('person', 'service'),
    passwordHash: fc.option(hash),
    mustChange: fc.boolean(),
  }),
  'person.update': fc.record({ id: personId, displayName: line }),
  'person.setRole': fc.record({ id: personId, role }),
  'person.suspend': byId(personId),
  'person.resume': byId(personId),
  'person.unlock': byId(personId),
  'person.erase': byId(personId),
  'person.endSessions': byId(personId),
  'person.setPassword': fc.record({
    id: personId,
    passwordHash: hash,
    mustChange: fc.boolean(),
    keepSession: fc.option(sessionId),
  }),
  'group.create': fc.record({ id: groupId, name, description: line, members }),
  'group.update': fc.record({ id: groupId, name }, { requiredKeys: ['id'] }),
  'group.remove': byId(groupId),
  'group.addMembers': fc.record({ id: groupId, members }),
  'group.removeMembers': fc.record({ id: groupId, members }),
  'channel.create': fc.record({
    id: channelId,
    kind: fc.constantFrom('group', 'open', 'announcement'),
    name,
    topic: line,
    directKey: fc.constant(null),
    retentionDays: fc.option(fc.integer({ min: 1, max: 30 })),
    members,
    groups: fc.uniqueArray(groupId, { maxLength: 2 }),
  }),
  'channel.direct': fc.record({
    id: channelId,
    people: fc.tuple(personId, personId),
    retentionDays: fc.constant(null),
  }),
  'channel.update': fc.record({ id: channelId, name, topic: line }, { requiredKeys: ['id'] }),
  'channel.archive': fc.record({ id: channelId, archived: fc.boolean() }),
  'channel.addMembers': fc.record(membership),
  'channel.removeMembers': fc.record(membership),
  'channel.setMemberRole': fc.record({
    id: channelId,
    person: personId,
    role: fc.constantFrom('member', 'poster', 'manager'),
    byRole: fc.boolean(),
  }),
  'channel.join': byId(channelId),
  'channel.leave': byId(channelId),
  'channel.expire': fc.record({ id: channelId, floor: fc.integer({ min: 0, max: 12 }) }),
  'device.enrol': fc.record({
    id: deviceId,
    personId,
    name: line,
    platform: line,
    thumbprint: hash,
    publicKey: line,
    certificate: fc.option(certificate),
  }),
  'device.approve': fc.record({ id: deviceId, certificate }),
  'device.revoke': fc.record({ id: deviceId, reason: line }),
  'device.update': fc.record(
    { id: deviceId, name: line, site: line, tags: fc.array(line, { maxLength: 2 }) },
    { requiredKeys: ['id'] },
  ),
  'session.create': session,
  'session.end': fc.record({ id: sessionId, reason: line }),
  'session.sweep': fc.record({ ids: fc.array(sessionId, { maxLength: 3 }) }),
  'login.failed': fc.record({
    name,
    personId: fc.option(personId),
    attempts: fc.integer({ min: 3, max: 5 }),
    count: fc.constant(1),
  }),
  'auth.recover': fc.record({
    personId,
    codeHash: fc.constantFrom('h1', 'h2', 'h3'),
    passwordHash: hash,
    session,
  }),
  // A code is random: never the same for two people.
  'auth.renewRecoveryCodes': fc.tuple(personId, fc.integer({ min: 0, max: 3 })).map(([id, count]) => ({
    personId: id,
    codeHashes: Array.from({ length: count }, (_, index) => `${id} ${index}`),
  })),
  'facility.create': fc.constant({}),
  'security.event': fc.record({
    action: fc.constant('access.refused'),
    target: line,
    detail: fc.constant({}),
  }),
  'audit.used': fc.record({ action: fc.constant('audit.searched'), detail: fc.constant({}) }),
  ...auditPayloads,
  ...backupPayloads,
  ...clusterPayloads,
  ...rolloutPayloads,
  'settings.update': fc.record({
    version: fc.integer({ min: 0, max: 3 }),
    policy: fc.record({ deviceRequired: fc.boolean() }),
    facility: fc.option(line),
  }),
  'settings.node': fc.record({ node: line, settings: fc.constant({}) }),
}

const seq = fc.integer({ min: 0, max: 10 })
const channelNo = fc.integer({ min: 0, max: channels })
const personNo = fc.integer({ min: 0, max: people })
const clientId = fc.integer({ min: 1, max: 12 }).map((n) => `m${n}`)
const body = fc.constantFrom('hello', 'x', 'line\nbreak', '"quoted"', '😀'.repeat(20))

const message = fc.tuple(
  fc.constant(0),
  channelNo,
  personNo,
  clientId,
  body,
  fc.integer({ min: 0, max: 2 }),
  fc.option(seq, { freq: 4 }),
)
const edit = fc.tuple(fc.constant(1), channelNo, personNo, clientId, seq, body)
const remove = fc.tuple(fc.constant(2), channelNo, personNo, clientId, seq)
const marks = fc.tuple(fc.constant(3), fc.array(fc.tuple(channelNo, personNo, seq, seq), { maxLength: 4 }))
const seen = fc.tuple(
  fc.constant(5),
  fc.array(fc.tuple(personId, fc.nat()), { maxLength: 2 }),
  fc.array(fc.tuple(deviceId, fc.nat()), { maxLength: 2 }),
)
const controlOf = (names: readonly string[]) =>
  fc
    .constantFrom(...names)
    .chain((each) => fc.tuple(fc.constant(4), fc.constant(each), actor, payloads[each] ?? fc.jsonValue()))

const names = Object.keys(payloads)
/** Drawn with a weight of their own: they are of use only together. */
const apart = new Set([auditPayloads, clusterPayloads, rolloutPayloads].flatMap((each) => Object.keys(each)))
/** What makes people and channels exist, so that the others have something to act on. */
const founding = ['person.add', 'channel.create', 'channel.addMembers', 'group.create', 'channel.direct']

/** Commands as a well-behaved node proposes them; many are refused all the same. */
export const sensibleCommand: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 8, arbitrary: message },
  { weight: 2, arbitrary: edit },
  { weight: 2, arbitrary: remove },
  { weight: 1, arbitrary: marks },
  { weight: 1, arbitrary: seen },
  { weight: 5, arbitrary: controlOf(founding) },
  {
    weight: 8,
    arbitrary: controlOf(names.filter((each) => !apart.has(each))),
  },
  { weight: 2, arbitrary: controlOf(Object.keys(clusterPayloads)) },
  { weight: 2, arbitrary: controlOf(Object.keys(rolloutPayloads)) },
  { weight: 1, arbitrary: controlOf(Object.keys(auditPayloads)) },
)

/** Anything that is JSON, and what nearly is a command. */
export const brokenCommand: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue(),
  fc.tuple(fc.integer({ min: -1, max: 7 }), fc.jsonValue(), fc.jsonValue(), fc.jsonValue()),
  fc
    .tuple(fc.constantFrom(...names, '__proto__', 'constructor', 'toString'), actor, fc.jsonValue())
    .map((rest) => [4, ...rest]),
  controlOf(names).chain(([type, each, by, payload]) =>
    fc.tuple(fc.constant(type), fc.constant(each), fc.constant(by), damaged(payload)),
  ),
  fc.oneof(message, edit, remove, marks, seen).chain((command) => damaged(command)),
)

/** The value with one of its fields replaced by something else or gone. */
function damaged(value: unknown): fc.Arbitrary<unknown> {
  if (typeof value !== 'object' || value === null) return fc.jsonValue()
  const keys = Object.keys(value)
  if (keys.length === 0) return fc.jsonValue()
  return fc.tuple(fc.constantFrom(...keys), fc.option(fc.jsonValue())).map(([key, other]) => {
    const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>
    if (other === null && !Array.isArray(copy)) delete copy[key]
    else copy[key] = other
    return copy
  })
}

export { names as controlNames }
