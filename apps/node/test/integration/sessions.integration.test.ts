/** Sessions, devices and what ends them. */
import { type DeviceKey, deviceKeyOf, generateKeyPair } from '@holdfast/api/client/device-key'
import { login } from '@holdfast/api/client/login'
import { createNodeFetch } from '@holdfast/api/client/node'
import { limits } from '@holdfast/api/contract/limits'
import { describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { eventually, type Person, sharedNode, startNode, type TestNode, testPassword } from '../harness.ts'
import type { Closed, RawClient } from '../raw-client.ts'

/** What the product promises: a revocation bites everywhere within a second. */
const revocationMs = 1000
const revoked = 4403

const shared = sharedNode()
const refusedWith = (code: string) => expect.objectContaining({ code })
const newKey = async (): Promise<DeviceKey> => deviceKeyOf(await generateKeyPair({ extractable: true }))

/** Does something that must end the connections, and checks that it does within the promised second. */
async function cutBy(clients: readonly RawClient[], act: () => Promise<unknown>): Promise<Closed[]> {
  await act()
  const at = performance.now()
  const closed = await Promise.all(clients.map((client) => client.closed))
  expect(performance.now() - at).toBeLessThan(revocationMs)
  return closed
}

/** A browser's tab: a subscription over the WebSocket with the session cookie. */
async function tab(
  node: TestNode,
  person: Person,
  path = 'presence.live',
): Promise<{ closed: Promise<number> }> {
  const headers = { cookie: `__Host-holdfast=${person.token}`, origin: node.url }
  const socket = new WebSocket(`wss://127.0.0.1:${node.port}/trpc`, { ca: node.ca, headers })
  const closed = new Promise<number>((resolve) => socket.once('close', resolve))
  await new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('open', () =>
      socket.send(JSON.stringify({ id: 1, method: 'subscription', params: { path } })),
    )
    socket.on('message', resolve)
  })
  return { closed }
}

describe('what ends sessions cuts live connections within a second', () => {
  test('suspending a person', async () => {
    const { node } = shared
    const anna = await node.newPerson()
    const clients = [await node.connect(anna), await node.connect(anna)]
    const page = await tab(node, anna)
    const closed = await cutBy(clients, () => node.owner.api.people.suspend.mutate({ id: anna.id }))
    expect(closed.map(({ code }) => code)).toEqual([revoked, revoked])
    expect(await page.closed).toBe(revoked)
    expect(clients[0]?.all('error').at(-1)).toMatchObject({ code: 'session-ended', fatal: true })
    await expect(anna.api.auth.me.query()).rejects.toEqual(refusedWith('session-ended'))
    await expect(node.login(anna.name)).rejects.toEqual(refusedWith('wrong-credentials'))
    await node.owner.api.people.resume.mutate({ id: anna.id })
    await expect(anna.api.auth.me.query()).rejects.toEqual(refusedWith('session-ended'))
    await node.signIn(anna.name)
  })

  test('regression: a page that is open shows its person as here, until he is suspended', async () => {
    const { node } = shared
    const anna = await node.newPerson()
    const stateOfAnna = async () =>
      (await node.owner.api.presence.list.query()).find(({ person }) => person === anna.id)?.state
    expect(await stateOfAnna()).toBe('offline')
    const page = await tab(node, anna, 'presence.here')
    expect(await stateOfAnna()).toBe('online')
    await node.owner.api.people.suspend.mutate({ id: anna.id })
    expect(await page.closed).toBe(revoked)
    await eventually('Anna offline', async () => (await stateOfAnna()) === 'offline')
  })

  test('signing out, of this session only', async () => {
    const { node } = shared
    const anna = await node.newPerson()
    const elsewhere = await node.signIn(anna.name)
    const [here, there] = [await node.connect(anna), await node.connect(elsewhere)]
    const [closed] = await cutBy([here], () => anna.api.auth.logout.mutate())
    expect(closed?.code).toBe(revoked)
    await there.ping()
    await expect(anna.api.auth.me.query()).rejects.toEqual(refusedWith('session-ended'))
    expect((await elsewhere.api.auth.sessions.query()).map((session) => session.id)).toEqual([
      elsewhere.sessionId,
    ])
  })

  test('a new password, of every other session', async () => {
    const { node } = shared
    const anna = await node.newPerson()
    const elsewhere = await node.signIn(anna.name)
    const [here, there] = [await node.connect(anna), await node.connect(elsewhere)]
    const next = 'another-long-password'
    await cutBy([there], () => anna.api.auth.changePassword.mutate({ current: testPassword, next }))
    await here.ping()
    await expect(node.login(anna.name)).rejects.toEqual(refusedWith('wrong-credentials'))
    await node.signIn(anna.name, next)
  })

  test('ending one session, or all of a person, or erasing him', async () => {
    const { node } = shared
    const anna = await node.newPerson()
    const elsewhere = await node.signIn(anna.name)
    const there = await node.connect(elsewhere)
    await cutBy([there], () => anna.api.auth.endSession.mutate({ id: elsewhere.sessionId }))
    const ben = await node.newPerson()
    await expect(ben.api.auth.endSession.mutate({ id: anna.sessionId })).rejects.toEqual(
      refusedWith('not-found'),
    )
    await cutBy([await node.connect(anna)], () => node.owner.api.people.endSessions.mutate({ id: anna.id }))
    const again = await node.signIn(anna.name)
    await cutBy([await node.connect(again)], () => node.owner.api.people.erase.mutate({ id: anna.id }))
    await expect(node.login(anna.name)).rejects.toEqual(refusedWith('wrong-credentials'))
  })
})

test('an address that is not in the certificate is refused with what to do', async () => {
  const { node } = shared
  using fetch = createNodeFetch({ ca: node.ca })
  const url = `https://127.0.0.2:${new URL(node.url).port}`
  await expect(
    login({ urls: [url], name: 'nobody', password: testPassword, device: { name: 'phone' }, fetch }),
  ).rejects.toThrow(/127\.0\.0\.2 is not in the cert.*; use a name that is in it.*--public-names/)
})

describe('a session bound to a device', () => {
  /** A person whose session is bound to a key, approved by the owner. */
  async function bound(node: TestNode) {
    const anna = await node.newPerson()
    const deviceKey = await newKey()
    using fetch = createNodeFetch({ ca: node.ca })
    const options = {
      urls: [node.url],
      name: anna.name,
      password: testPassword,
      deviceKey,
      device: { name: 'phone' },
      fetch,
    }
    const first = await login(options)
    expect(first.binding).toBe('pending')
    await node.owner.api.devices.approve.mutate({ id: first.device?.id ?? '' })
    const done = await login({ ...options, enrolled: true })
    expect(done.binding).toBe('bound')
    return { anna, deviceKey, token: done.token, deviceId: done.session.deviceId ?? '' }
  }
  const socketProof = async (client: RawClient, key: DeviceKey, token: string) => {
    const { nonce } = await client.next('hello')
    return key.proof({ htm: 'GET', htu: `${shared.node.url}/client/v1`, nonce, token })
  }

  test('is worth nothing to whoever copies the token, over HTTP or WebSocket', async () => {
    const { node } = shared
    const { deviceKey, token } = await bound(node)
    expect((await node.api(token, deviceKey).auth.me.query()).deviceId).not.toBeNull()
    await expect(node.api(token).auth.me.query()).rejects.toEqual(refusedWith('proof-invalid'))
    const thief = await newKey()
    await expect(node.api(token, thief).auth.me.query()).rejects.toEqual(refusedWith('proof-invalid'))
    const bare = await node.raw()
    await bare.next('hello')
    bare.send({ t: 'auth', token })
    expect(await bare.next('error')).toMatchObject({ code: 'proof-invalid', fatal: true })
    expect((await bare.closed).code).toBe(4401)
    const forged = await node.raw()
    forged.send({ t: 'auth', token, proof: await socketProof(forged, thief, token) })
    expect(await forged.next('error')).toMatchObject({ code: 'proof-invalid', fatal: true })
  })

  test('regression: is worth nothing in a cookie either, which whoever copied the token can write as he likes', async () => {
    const { node } = shared
    const { token } = await bound(node)
    const headers = { cookie: `__Host-holdfast=${token}`, origin: node.url }
    expect((await node.http().call('/trpc/auth.me', { headers })).status).toBe(401)
    const client = await node.raw({ headers })
    client.send({ t: 'auth' })
    expect(await client.next('error')).toMatchObject({ code: 'proof-invalid', fatal: true })
  })

  test('does not take a proof twice, nor one made for another request or nonce', async () => {
    const { node } = shared
    const { deviceKey, token } = await bound(node)
    const proof = await deviceKey.proof({ htm: 'GET', htu: `${node.url}/trpc/auth.me`, token })
    const call = (path: string) =>
      node.http().call(path, { headers: { authorization: `DPoP ${token}`, dpop: proof } })
    expect((await call('/trpc/auth.me')).status).toBe(200)
    expect((await call('/trpc/auth.me')).status).toBe(401)
    const other = await deviceKey.proof({ htm: 'GET', htu: `${node.url}/trpc/auth.sessions`, token })
    const wrong = await node
      .http()
      .call('/trpc/auth.me', { headers: { authorization: `DPoP ${token}`, dpop: other } })
    expect(wrong.status).toBe(401)
    const [one, two] = [await node.raw(), await node.raw()]
    const proofOfOne = await socketProof(one, deviceKey, token)
    await two.next('hello')
    two.send({ t: 'auth', token, proof: proofOfOne })
    expect(await two.next('error')).toMatchObject({ code: 'proof-invalid' })
    one.send({ t: 'auth', token, proof: proofOfOne })
    expect((await one.next('ready')).device).not.toBeNull()
  })

  test('ends with the device, at once and for good', async () => {
    const { node } = shared
    const { anna, deviceKey, token, deviceId } = await bound(node)
    const client = await node.raw()
    client.send({ t: 'auth', token, proof: await socketProof(client, deviceKey, token) })
    await client.next('ready')
    const [closed] = await cutBy([client], () =>
      node.owner.api.devices.revoke.mutate({ id: deviceId, reason: 'lost' }),
    )
    expect(closed?.code).toBe(revoked)
    expect(client.all('error').at(-1)).toMatchObject({ code: 'device-revoked', fatal: true })
    await expect(node.api(token, deviceKey).auth.me.query()).rejects.toEqual(refusedWith('session-ended'))
    const proof = await deviceKey.proof({ htm: 'POST', htu: `${node.url}/trpc/auth.login` })
    await expect(node.login(anna.name, testPassword, proof)).rejects.toEqual(refusedWith('device-revoked'))
    const { status } = await node.owner.api.devices.get.query({ id: deviceId })
    expect(status).toBe('revoked')
  })
})

test('where devices are demanded, talk without one is refused', async () => {
  await using node = await startNode({ policy: { deviceRequired: true, deviceApproval: 'auto' } })
  const client = await node.raw()
  await client.next('hello')
  client.send({ t: 'auth', token: node.owner.token })
  expect(await client.next('error')).toMatchObject({ code: 'device-required', fatal: true })
  const deviceKey = await newKey()
  using fetch = createNodeFetch({ ca: node.ca })
  const done = await login({
    urls: [node.url],
    name: node.owner.name,
    password: testPassword,
    deviceKey,
    device: { name: 'desk' },
    fetch,
  })
  expect(done.binding).toBe('bound')
  const other = await node.raw()
  const { nonce } = await other.next('hello')
  const proof = await deviceKey.proof({ htm: 'GET', htu: `${node.url}/client/v1`, nonce, token: done.token })
  other.send({ t: 'auth', token: done.token, proof })
  expect((await other.next('ready')).device).toBe(done.session.deviceId)
})

describe('guessing', () => {
  test('locks the account until somebody unlocks it', async () => {
    const { node } = shared
    const anna = await node.newPerson()
    for (let i = 0; i < 5; i++)
      await expect(node.login(anna.name, 'wrong')).rejects.toEqual(refusedWith('wrong-credentials'))
    const locked = expect.objectContaining({ code: 'locked-out', retryAfterMs: expect.any(Number) })
    await expect(node.login(anna.name)).rejects.toEqual(locked)
    expect(await node.owner.api.people.get.query({ id: anna.id })).toMatchObject({
      lockedUntil: expect.any(Number),
    })
    const events = await node.owner.api.audit.search.query({ action: 'auth.locked-out', target: anna.id })
    expect(events.total).toBe(1)
    await node.owner.api.people.unlock.mutate({ id: anna.id })
    await node.signIn(anna.name)
  })

  test('from one address is slowed down, whoever it tries to be', async () => {
    const { node } = shared
    const http = node.http()
    const attempt = async (i: number) => {
      const body = JSON.stringify({ name: `nobody${i}`, password: 'wrong' })
      const headers = { 'content-type': 'application/json' }
      const answer = await http.call('/trpc/auth.login', { method: 'POST', headers, body })
      return (JSON.parse(answer.body) as { error: { data: { holdfast: string; retryAfterMs: number } } })
        .error.data
    }
    let last = await attempt(0)
    for (let i = 1; i < 40 && last.holdfast === 'wrong-credentials'; i++) last = await attempt(i)
    expect(last).toMatchObject({ holdfast: 'rate-limited', retryAfterMs: expect.any(Number) })
    // Others are not held up.
    await node.signIn(node.owner.name)
  })

  test('regression: the current password cannot be guessed with a stolen session', async () => {
    const { node } = shared
    const anna = await node.newPerson()
    const guess = (current: string) =>
      anna.api.auth.changePassword.mutate({ current, next: 'another-long-password' })
    for (let i = 0; i < 5; i++)
      await expect(guess(`wrong${i}`)).rejects.toEqual(refusedWith('wrong-credentials'))
    await expect(guess(testPassword)).rejects.toEqual(refusedWith('locked-out'))
  })
})

test('a recovery code signs in once and sets a new password', async () => {
  await using node = await startNode()
  const [code = '', another = ''] = node.recoveryCodes
  const newPassword = 'a-new-long-password'
  const old = await node.connect(node.owner)
  const recover = (value: string) =>
    node.api().auth.recover.mutate({ name: node.owner.name, code: value, newPassword })
  await expect(recover('AAAA-AAAA-AAAA-AAAA')).rejects.toEqual(refusedWith('wrong-credentials'))
  const [closed] = await cutBy([old], () => recover(code.toLowerCase().replaceAll('-', ' ')))
  expect(closed?.code).toBe(revoked)
  await expect(recover(code)).rejects.toEqual(refusedWith('wrong-credentials'))
  await expect(node.login(node.owner.name)).rejects.toEqual(refusedWith('wrong-credentials'))
  await node.signIn(node.owner.name, newPassword)
  await recover(another)
})

test('recovery codes are renewed with the password; those from before are void, and it is in the audit log', async () => {
  await using node = await startNode()
  const { api } = node.owner
  const second = await node.newPerson({ role: 'owner' })
  await expect(api.auth.renewRecoveryCodes.mutate({ password: 'not-the-password' })).rejects.toEqual(
    refusedWith('wrong-credentials'),
  )
  const { recoveryCodes } = await api.auth.renewRecoveryCodes.mutate({ password: testPassword })
  expect(new Set([...recoveryCodes, ...node.recoveryCodes]).size).toBe(20)
  const newPassword = 'a-new-long-password'
  const recover = (code = '') => node.api().auth.recover.mutate({ name: node.owner.name, code, newPassword })
  await expect(recover(node.recoveryCodes[0])).rejects.toEqual(refusedWith('wrong-credentials'))
  await recover(recoveryCodes[0])
  const owner = await node.signIn(node.owner.name, newPassword)
  const { rows } = await owner.api.audit.search.query({ action: 'auth.recovery-codes-renewed' })
  expect(rows).toEqual([
    expect.objectContaining({ actorName: node.owner.name, detail: { name: node.owner.name, codes: 10 } }),
  ])
  expect(JSON.stringify(rows)).not.toContain(recoveryCodes[1])

  // An owner who was added later has none until he makes some; guesses at the password lock the account.
  const { name } = second
  const made = await second.api.auth.renewRecoveryCodes.mutate({ password: testPassword })
  await node.api().auth.recover.mutate({ name, code: made.recoveryCodes[9] ?? '', newPassword })
  const stolen = await node.signIn(name, newPassword)
  for (let i = 0; i < 5; i++)
    await expect(stolen.api.auth.renewRecoveryCodes.mutate({ password: `wrong-guess-${i}` })).rejects.toEqual(
      refusedWith('wrong-credentials'),
    )
  await expect(stolen.api.auth.renewRecoveryCodes.mutate({ password: newPassword })).rejects.toEqual(
    refusedWith('locked-out'),
  )
})

test('the code of the console can be tried alone, at the same price as with the rest', async () => {
  await using node = await startNode({ setUp: false })
  const guesser = node.api()
  const { setupCode } = node
  if (setupCode === null) throw new Error('the node printed no code')
  await expect(guesser.setup.checkCode.mutate({ code: setupCode.toLowerCase() })).resolves.toBeUndefined()
  const value = {
    code: '0000-0000',
    facility: 'Mill',
    nodeName: 'mill1',
    owner: 'olga',
    password: testPassword,
  }
  for (let i = 0; i < 3; i++)
    await expect(guesser.setup.checkCode.mutate(value)).rejects.toEqual(refusedWith('wrong-code'))
  for (let i = 0; i < 2; i++)
    await expect(guesser.setup.complete.mutate(value)).rejects.toEqual(refusedWith('wrong-code'))
  // Whoever guessed too often does not learn whether the next one is right, by either way.
  const right = { ...value, code: setupCode }
  await expect(guesser.setup.checkCode.mutate(right)).rejects.toEqual(refusedWith('locked-out'))
  await expect(guesser.setup.complete.mutate(right)).rejects.toEqual(refusedWith('locked-out'))
  await node.api().setup.complete.mutate(right)
  await expect(node.api().setup.checkCode.mutate(right)).rejects.toEqual(refusedWith('already-set-up'))
})

test('the first set-up needs the code of the console; wrong ones are limited, and it happens once', async () => {
  await using node = await startNode({ setUp: false })
  const http = node.http()
  const complete = async (code: string) => {
    const value = { code, facility: 'Mill', nodeName: 'mill1', owner: 'olga', password: testPassword }
    const headers = { 'content-type': 'application/json' }
    const answer = await http.call('/trpc/setup.complete', {
      method: 'POST',
      headers,
      body: JSON.stringify(value),
    })
    const { error } = JSON.parse(answer.body) as { error?: { data: { holdfast: string } } }
    return { code: error?.data.holdfast ?? 'done', cookie: answer.headers['set-cookie']?.[0] ?? '' }
  }
  for (let i = 0; i < 5; i++) expect((await complete('0000-0000')).code).toBe('wrong-code')
  expect((await complete('0000-0000')).code).toBe('locked-out')
  expect((await complete(node.setupCode ?? '')).code).toBe('locked-out')
  const elsewhere = {
    code: node.setupCode ?? '',
    facility: 'Mill',
    nodeName: 'mill1',
    owner: 'olga',
    password: testPassword,
  }
  const made = await node.api().setup.complete.mutate(elsewhere)
  expect(made.recoveryCodes).toHaveLength(10)
  expect(JSON.stringify(made)).not.toContain('"token"')
  await expect(node.api().setup.complete.mutate(elsewhere)).rejects.toEqual(refusedWith('already-set-up'))
  await node.signIn('olga')
})

describe('connections', () => {
  test('one that does not authenticate in time is closed', async () => {
    const client = await shared.node.raw()
    expect((await client.closed).code).toBe(4408)
  })

  test('a person has only so many', async () => {
    const { node } = shared
    const anna = await node.newPerson()
    const clients: RawClient[] = []
    for (let i = 0; i < limits.connectionsPerPerson; i++) clients.push(await node.connect(anna))
    const more = await node.raw()
    await more.next('hello')
    more.send({ t: 'auth', token: anna.token })
    expect(await more.next('error')).toMatchObject({ code: 'too-many', fatal: true })
    expect((await more.closed).code).toBe(4429)
    await clients[0]?.close()
    await node.connect(anna)
    for (const client of clients) client.terminate()
  })

  test('a node has only so many', async () => {
    await using node = await startNode({ flags: ['--max-connections', '12'] })
    const open: RawClient[] = []
    const tooMany = async () => {
      for (let i = 0; i < 12; i++) open.push(await node.raw())
    }
    await expect(tooMany()).rejects.toThrow()
    // The node counts a connection until its own side has closed too.
    await open.pop()?.close()
    await eventually('room for another connection', () => node.raw().catch(() => null))
  })
})
