/** The SDK against real nodes: what its tests with a double promise must hold here too. */
import { deviceKeyOf, generateKeyPair } from '@holdfast/api/client/device-key'
import { login } from '@holdfast/api/client/login'
import type { Entry } from '@holdfast/api/contract/frames'
import { expect, test, vi } from 'vitest'
import { startNode, testPassword } from '../harness.ts'

test('a node that is killed and comes back: every send is stored once, everybody gets everything in order', async () => {
  await using node = await startNode()
  const [anna, ben] = [await node.newPerson(), await node.newPerson()]
  const channel = await node.newChannel([anna, ben])
  const backoff = { baseMs: 20, maxMs: 200 }
  const sender = node.sdk(anna, { backoff })
  const reader = node.sdk(ben, { backoff, begin: 'oldest' })
  const seen: Entry[] = []
  reader.on('entry', (entry) => {
    seen.push(entry)
  })
  const sends = Array.from({ length: 300 }, (_, i) => sender.send(channel, `message ${i}`))
  await sends[20]
  for (let i = 0; i < 3; i++) {
    await node.kill('SIGKILL')
    sends.push(...Array.from({ length: 100 }, (_, j) => sender.send(channel, `message ${300 + i * 100 + j}`)))
    await node.startAgain()
    await sends.at(-1)
  }
  const acks = await Promise.all(sends)
  const head = Math.max(...acks.map((ack) => ack.seq))
  while ((reader.positions()[channel] ?? 0) < head) await new Promise((resolve) => setTimeout(resolve, 20))
  expect(head).toBe(600)
  expect(seen.map((entry) => entry.seq)).toEqual(Array.from({ length: 600 }, (_, i) => i + 1))
  expect(seen.map((entry) => entry.body)).toEqual(Array.from({ length: 600 }, (_, i) => `message ${i}`))
  for (const [i, ack] of acks.entries())
    expect(seen[ack.seq - 1]).toMatchObject({ id: ack.id, body: `message ${i}` })
})

test('a slow application gets everything, though the node leaves entries out for it', async () => {
  await using node = await startNode()
  const [anna, ben] = [await node.newPerson(), await node.newPerson()]
  const channel = await node.newChannel([anna, ben])
  const reader = node.sdk(ben, { begin: 'oldest' })
  await reader.live()
  const sender = node.sdk(anna)
  const body = 'x'.repeat(16_000)
  const count = 400
  const seen: number[] = []
  const reading = (async () => {
    for await (const entry of reader.entries()) {
      seen.push(entry.seq)
      if (entry.seq % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 50))
      if (entry.seq === count) return
    }
  })()
  for (let i = 0; i < count; i++) {
    await sender.drained()
    sender.send(channel, body).catch(() => {})
  }
  await reading
  expect(seen).toEqual(Array.from({ length: count }, (_, i) => i + 1))
})

test('a device: enrolled at the first login, bound after approval, cut off and stopped by revocation', async () => {
  await using node = await startNode({ policy: { deviceApproval: 'manual' } })
  const person = await node.newPerson({ name: 'dora' })
  const { fetch } = node.http()
  const key = await deviceKeyOf(await generateKeyPair({ extractable: false }))
  const options = {
    urls: [node.url],
    name: 'dora',
    password: testPassword,
    deviceKey: key,
    device: { name: 'tablet' },
    fetch,
  }
  const first = await login(options)
  expect(first).toMatchObject({ binding: 'pending', device: { status: 'pending', name: 'tablet' } })
  await node.owner.api.devices.approve.mutate({ id: first.device!.id })
  const second = await login({ ...options, enrolled: true })
  expect(second).toMatchObject({ binding: 'bound', session: { deviceId: first.device!.id } })

  const bound = { ...person, token: second.token }
  const stolen = node.sdk(bound)
  await expect(stolen.live()).rejects.toMatchObject({ code: 'proof-invalid' })
  const client = node.sdk(bound, { deviceKey: key })
  await client.live()
  expect(client.device).toBe(first.device!.id)
  const stopped = new Promise((resolve) =>
    client.on('state', ({ state, error }) => {
      if (state === 'stopped') resolve(error)
    }),
  )
  await node.owner.api.devices.revoke.mutate({ id: first.device!.id })
  expect(await stopped).toMatchObject({ code: 'device-revoked' })
})

test('a device whose clock is a day wrong logs in, calls and connects all the same', async () => {
  await using node = await startNode({ policy: { deviceApproval: 'auto' } })
  const person = await node.newPerson({ name: 'emil' })
  const { fetch } = node.http()
  const deviceKey = await deviceKeyOf(await generateKeyPair({ extractable: false }))
  vi.useFakeTimers({ toFake: ['Date'] })
  try {
    vi.setSystemTime(Date.now() - 86_400_000)
    const plain = await deviceKey.proof({ htm: 'POST', htu: `${node.url}/trpc/auth.login` })
    await expect(node.login('emil', testPassword, plain)).rejects.toMatchObject({ code: 'proof-invalid' })
    const done = await login({ urls: [node.url], name: 'emil', password: testPassword, deviceKey, fetch })
    expect(done.binding).toBe('bound')
    expect(await node.api(done.token, deviceKey).auth.me.query()).toMatchObject({ name: 'emil' })
    const client = node.sdk({ ...person, token: done.token }, { deviceKey })
    await client.live()
    expect(client.person?.name).toBe('emil')
  } finally {
    vi.useRealTimers()
  }
})

test('direct channels, presence and marks reach the other side', async () => {
  await using node = await startNode()
  const [anna, ben] = [await node.newPerson(), await node.newPerson()]
  const [a, b] = [node.sdk(anna), node.sdk(ben)]
  await Promise.all([a.live(), b.live()])
  const arrived = new Promise<Entry>((resolve) => b.on('entry', resolve))
  const marked = new Promise((resolve) =>
    a.on('marks', (frame) => {
      if (frame.person === ben.id && frame.delivered === 1) resolve(frame)
    }),
  )
  const here = new Promise((resolve) =>
    a.on('presence', (people) => {
      if (people.some((each) => each.person === ben.id && each.state === 'away')) resolve(true)
    }),
  )
  a.watchPresence(true)
  const { id } = await anna.api.channels.direct.mutate({ person: ben.name })
  await a.send(id, 'psst')
  expect(await arrived).toMatchObject({ channel: id, seq: 1, body: 'psst', from: anna.id })
  await marked
  b.setPresence('away')
  await here
})
