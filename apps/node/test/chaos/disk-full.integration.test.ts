/** A disk that runs full: a tmpfs of its own holds the data folder. Mounting it takes root. */
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDatabase } from '@holdfast/db'
import { expect, test } from 'vitest'
import { makeRoomToStart } from '../../src/platform/disk-guard.ts'
import { eventually, ownerName, startNode, testPassword } from '../harness.ts'
import { holdfast } from '../node-process.ts'
import { nextId } from '../raw-client.ts'
import { Volume } from '../volume.ts'

const mib = 1024 * 1024
const volumeMib = 96
/** Room left for the node by the file that fills the volume. */
const leftMib = 14
/** Many different words, so that the full-text index needs room too. */
const bodyOf = (n: number) => Array.from({ length: 3000 }, (_, i) => `w${n}x${i}`).join(' ')

test('a full disk refuses messages, keeps reads and logins, and all goes on once there is room', async () => {
  using volume = new Volume(mkdtempSync(join(tmpdir(), 'holdfast-disk-')), volumeMib)
  await using node = await startNode({ dataDir: volume.dataDir })
  const anna = await node.newPerson({ name: 'anna' })
  const channel = await node.newChannel([anna])
  const client = await node.connect(anna)
  const acknowledged: string[] = []
  const send = async (): Promise<string | null> => {
    const id = nextId()
    client.send({ t: 'send', channel, id, body: bodyOf(acknowledged.length) })
    const answer = await Promise.race([
      client.next('ack', (ack) => ack.id === id),
      client.next('error', (error) => error.id === id),
    ])
    if (answer.t === 'error') return answer.code
    acknowledged.push(id)
    return null
  }
  expect(await send()).toBeNull()
  volume.fill(leftMib * mib)

  // 1. Messages fill what is left; then they are refused, and an alert stands.
  let refusal: string | null = null
  while (refusal === null) refusal = await send()
  expect(refusal).toBe('disk-full')
  const { alerts } = await node.status()
  expect(alerts).toContainEqual(expect.objectContaining({ level: 'alert', code: 'disk' }))
  expect(await client.next('notice')).toMatchObject({ level: 'alert', code: 'disk' })

  // 2. Signing in, reading and revoking go on, for longer than the watch needs to look twice. On so small a volume the
  // index may be in the middle of a step and has to give its room back first.
  await eventually('the reserve is free', () => node.signIn(ownerName, testPassword).catch(() => null))
  for (let i = 0; i < 6; i++) {
    const session = await node.signIn(ownerName, testPassword)
    await node.owner.api.auth.endSession.mutate({ id: session.sessionId })
    const page = await client.history(channel, { limit: 1 })
    expect(page.head).toBe(acknowledged.length)
    expect(await send()).toBe('disk-full')
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }

  // 3. Not a byte is left: whatever needs one is refused, and the node stands.
  volume.fill(0)
  for (let i = 0; i < 3; i++) {
    expect(await send()).toBe('disk-full')
    const page = await node.owner.api.channels.list.query({})
    expect(page.total).toBeGreaterThan(0)
    expect((await client.history(channel, { limit: 1 })).head).toBe(acknowledged.length)
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
  expect((await node.http().call('/healthz')).status).toBe(200)

  // 4. With room, messages are taken again by themselves, and the alert is gone.
  const refusedUntilNow = acknowledged.length
  volume.clear()
  await eventually('messages are taken again', async () => (await send()) === null)
  expect(acknowledged.length).toBe(refusedUntilNow + 1)
  await eventually(
    'the alert is gone',
    async () => !(await node.status()).alerts.some((a) => a.level === 'alert'),
  )
  await eventually('the index has caught up', async () => {
    const { lag, hits } = await anna.api.messages.search.query({ text: `w${acknowledged.length - 1}x7` })
    return lag === 0 && hits.length > 0
  })

  // 5. Nothing acknowledged is missing, nothing refused is there, and everything is whole.
  const stored = []
  for (let after = 0, more = true; more; ) {
    const page = await client.history(channel, { after, limit: 100 })
    stored.push(...page.entries.map((entry) => entry.id))
    after = page.entries.at(-1)?.seq ?? after
    more = page.more
  }
  expect(stored).toEqual(acknowledged)
  expect(node.log).not.toMatch(/died|fatal/)
  await node.restart()
  expect((await node.status()).messages).toBe(acknowledged.length)
  await node.stop()
  const db = openDatabase(join(node.dataDir, 'cluster.db'), { role: 'reader' })
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
  db.close()
  const verified = await holdfast(['audit', 'verify', '--data', node.dataDir, '--json'])
  expect({ code: verified.code, out: verified.stdout }).toMatchObject({
    code: 0,
    out: expect.stringContaining('"ok":true'),
  })
})

test('regression: a node starts where not a byte is left, on what it kept back', async () => {
  using volume = new Volume(mkdtempSync(join(tmpdir(), 'holdfast-disk-')), volumeMib)
  const ballast = join(volume.dataDir, 'ballast')
  writeFileSync(ballast, Buffer.alloc(mib))
  await makeRoomToStart(volume.dataDir)
  expect(existsSync(ballast)).toBe(true)
  volume.fill(0)
  await using node = await startNode({ dataDir: volume.dataDir })
  expect(existsSync(ballast)).toBe(false)
  expect(await node.signIn(ownerName, testPassword)).toBeTruthy()
})
