/**
 * Who may do what, against a real node: the cases are made from the router and the frames themselves, so that a new
 * procedure or frame without a row in the policy table, or with a row that nobody enforces, fails here.
 */
import { type ClientFrameType, clientFrames } from '@holdfast/api/contract/frames'
import { allowed, policy, type Role, roles } from '@holdfast/api/contract/policy'
import { appRouter } from '@holdfast/api/router'
import { beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type Person, sharedNode } from '../harness.ts'
import type { Answer, HttpsCaller } from '../https-caller.ts'

const shared = sharedNode()
const people = new Map<Role, Person>()
let http: HttpsCaller

beforeAll(async () => {
  http = shared.node.http()
  for (const role of roles)
    people.set(role, role === 'owner' ? shared.node.owner : await shared.node.newPerson({ role, name: role }))
})

type Kind = 'query' | 'mutation' | 'subscription'
const procedures = Object.entries(appRouter._def.procedures).map(([path, procedure]) => ({
  path,
  kind: (procedure as unknown as { _def: { type: Kind } })._def.type,
}))
const overHttp = procedures.filter(({ kind }) => kind !== 'subscription')
const subscriptions = procedures.filter(({ kind }) => kind === 'subscription')
const frameTypes = Object.keys(clientFrames) as ClientFrameType[]
const refusedRoles = (action: string) => roles.filter((role) => !allowed(action, role))
const isPublic = (action: string) => allowed(action, null)

/** A frame of each type that is well-formed, so that only the policy can refuse it. */
const someChannel = `c_${'0'.repeat(20)}`
const wellFormed: Record<ClientFrameType, Record<string, unknown>> = {
  auth: {},
  sync: { since: {} },
  send: { channel: someChannel, id: 'x', body: 'x' },
  edit: { channel: someChannel, id: 'x', seq: 1, body: 'x' },
  delete: { channel: someChannel, id: 'x', seq: 1 },
  mark: { channel: someChannel, read: 1 },
  history: { id: 'x', channel: someChannel },
  presence: { state: 'online' },
  watch: { presence: false },
  typing: { channel: someChannel },
  ping: { id: 'x' },
}

function call(path: string, kind: Kind, token?: string): Promise<Answer> {
  const headers: Record<string, string> = { 'content-type': 'application/json' }
  if (token !== undefined) headers.authorization = `Bearer ${token}`
  if (kind === 'query') return http.call(`/trpc/${path}`, { headers })
  return http.call(`/trpc/${path}`, { method: 'POST', headers, body: '{}' })
}

function refusal(answer: Answer): string {
  const { error } = JSON.parse(answer.body) as { error?: { data: { holdfast: string } } }
  return error?.data.holdfast ?? 'none'
}

test('the policy table has a row for every procedure and frame, and no others', () => {
  const actions = [...procedures.map(({ path }) => path), ...frameTypes.map((type) => `frame.${type}`)]
  expect(Object.keys(policy).toSorted()).toEqual(actions.toSorted())
  expect(procedures.length).toBeGreaterThan(50)
})

describe('procedures over HTTP', () => {
  test.each(overHttp.filter(({ path }) => !isPublic(path)))(
    '$path without a session',
    async ({ path, kind }) => {
      const answer = await call(path, kind)
      expect([answer.status, refusal(answer)]).toEqual([401, 'unauthenticated'])
    },
  )

  test.each(overHttp.filter(({ path }) => !isPublic(path)))(
    '$path with a made-up token',
    async ({ path, kind }) => {
      const answer = await call(path, kind, 'A'.repeat(43))
      expect([answer.status, refusal(answer)]).toEqual([401, 'session-ended'])
    },
  )

  const cases = overHttp.flatMap(({ path, kind }) => refusedRoles(path).map((role) => ({ path, kind, role })))
  test.each(cases)('$path as $role', async ({ path, kind, role }) => {
    const answer = await call(path, kind, people.get(role)?.token)
    expect([answer.status, refusal(answer)]).toEqual([403, 'forbidden'])
  })

  test('whoever is allowed gets past the policy, to the check of his input', async () => {
    for (const role of roles.filter((each) => allowed('people.add', each))) {
      const answer = await call('people.add', 'mutation', people.get(role)?.token)
      expect([answer.status, refusal(answer)]).toEqual([400, 'bad-request'])
    }
  })

  test.each(subscriptions)('$path is no HTTP call', async ({ path }) => {
    const answer = await call(path, 'query', shared.node.owner.token)
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(answer.status).toBeLessThan(500)
  })
})

describe('subscriptions over the WebSocket', () => {
  const open = (token: string | null) => {
    const headers = {
      ...(token === null ? {} : { cookie: `__Host-holdfast=${token}` }),
      origin: shared.node.url,
    }
    return new WebSocket(`wss://127.0.0.1:${shared.node.port}/trpc`, { ca: shared.node.ca, headers })
  }
  const upgradeStatus = (socket: WebSocket) =>
    new Promise<number>((resolve) => {
      socket.on('error', () => {})
      socket.once('open', () => resolve(101))
      socket.once('unexpected-response', (_, response) => resolve(response.statusCode ?? 0))
    })

  test('without a session', async () => {
    const socket = open(null)
    expect(await upgradeStatus(socket)).toBe(401)
    const other = open('A'.repeat(43))
    expect(await upgradeStatus(other)).toBe(401)
  })

  const cases = subscriptions.flatMap(({ path }) => refusedRoles(path).map((role) => ({ path, role })))
  test.each(cases)('$path as $role', async ({ path, role }) => {
    const socket = open(people.get(role)?.token ?? '')
    expect(await upgradeStatus(socket)).toBe(101)
    socket.send(JSON.stringify({ id: 1, method: 'subscription', params: { path } }))
    const answer = await new Promise<string>((resolve) =>
      socket.on('message', (data) => resolve(String(data))),
    )
    socket.close()
    expect(JSON.parse(answer)).toMatchObject({ id: 1, error: { data: { holdfast: 'forbidden' } } })
  })
})

describe('frames', () => {
  test.each(frameTypes.filter((type) => !isPublic(`frame.${type}`)))('%s before auth', async (type) => {
    const client = await shared.node.raw()
    await client.next('hello')
    client.send({ t: type, ...wellFormed[type] })
    expect(await client.next('error')).toMatchObject({ code: 'unauthenticated' })
    await client.close()
  })

  const cases = frameTypes.flatMap((type) => refusedRoles(`frame.${type}`).map((role) => ({ type, role })))
  test.each(cases)('$type as $role', async ({ type, role }) => {
    const person = people.get(role)
    if (!person) throw new Error(`nobody is ${role}`)
    const client = await shared.node.connect(person)
    client.send({ t: type, ...wellFormed[type] })
    expect(await client.next('error')).toMatchObject({ code: 'forbidden' })
    await client.close()
  })

  test('auth without a token', async () => {
    const client = await shared.node.raw()
    client.send({ t: 'auth' })
    expect(await client.next('error')).toMatchObject({ code: 'unauthenticated', fatal: true })
    expect((await client.closed).code).toBe(4401)
  })
})

test('regression: who takes no part in talk gets none of it, whatever channels he is in', async () => {
  const { node } = shared
  const [auditor, member] = [people.get('auditor'), people.get('member')]
  if (!auditor || !member) throw new Error('nobody has the role')
  const channel = await node.newChannel([auditor, member])
  const audits = await node.raw()
  expect((await audits.authenticate(auditor.token)).channels).toEqual([])
  const talks = await node.connect(member)
  await talks.say(channel, 'not for auditors')
  await node.owner.api.channels.update.mutate({ id: channel, topic: 'nor this' })
  await audits.ping()
  expect(audits.frames.map((frame) => frame.t).filter((t) => t === 'entry' || t === 'channel')).toEqual([])
  // Somebody whose role begins or ends to talk comes back with what he may see then.
  const made = await node.newPerson({ role: 'member' })
  await node.owner.api.channels.addMembers.mutate({ id: channel, members: [made.id] })
  const client = await node.connect(made)
  await node.owner.api.people.setRole.mutate({ id: made.id, role: 'auditor' })
  expect((await client.closed).code).toBe(1001)
  const again = await node.raw()
  expect((await again.authenticate(made.token)).channels).toEqual([])
})
