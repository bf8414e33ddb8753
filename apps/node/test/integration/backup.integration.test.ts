/** Backups of real nodes under load, killed in the middle, of a cluster's member; each is restored and served. */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BackupFile } from '@holdfast/api/backup-services'
import { expect, onTestFinished, test } from 'vitest'
import { newRecoveryKey, type RecoveryKey } from '../../src/services/backup/recovery-key.ts'
import { newPorts, portFlags, startCluster } from '../cluster-harness.ts'
import { eventually, ownerName, type Person, startNode, type TestNode } from '../harness.ts'
import { type Finished, holdfast, keepQuiet } from '../node-process.ts'

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'holdfast-backups-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

async function withKey(node: TestNode): Promise<{ key: RecoveryKey; keyFile: string; path: string }> {
  const key = await newRecoveryKey()
  const { version } = (await node.owner.api.backups.status.query()).settings
  await node.owner.api.backups.setKey.mutate({ version, recipient: key.recipient })
  const path = folder()
  const keyFile = join(path, 'key')
  writeFileSync(keyFile, key.secret, { mode: 0o600 })
  return { key, keyFile, path }
}

/** Makes a backup and waits until it is listed. */
async function backUp(node: TestNode, api = node.owner.api): Promise<BackupFile> {
  const { startedAt } = await api.backups.create.mutate()
  return eventually('the backup', async () => {
    const { running, failure } = await api.backups.status.query()
    if (failure !== null) throw new Error(failure.message)
    if (running !== null) return null
    const { files } = await api.backups.list.query()
    return files.find((file) => file.createdAt >= startedAt)
  })
}

/** Every entry of a channel, by the procedures. */
async function entriesOf(api: Person['api'], channel: string) {
  const entries: { seq: number; id: string }[] = []
  for (;;) {
    const page = await api.messages.page.query({ channel, after: entries.at(-1)?.seq ?? 0, limit: 200 })
    if (page.entries.length === 0) return entries
    entries.push(...page.entries.map(({ seq, id }) => ({ seq, id })))
  }
}

const done = (finished: Finished): string => {
  if (finished.code !== 0) throw new Error(`it ended with ${finished.code}: ${finished.stderr}`)
  return finished.stdout
}

test('a backup under load has every message acknowledged before it began, and is served elsewhere', async () => {
  await using node = await startNode()
  const { keyFile, path } = await withKey(node)
  const anna = await node.newPerson()
  const channel = await node.newChannel([anna])
  const sender = node.sdk(anna)
  const acknowledged = new Map<string, number>()
  const busy = { going: true }
  const senders = Array.from({ length: 4 }, async (_, n) => {
    for (let i = 0; busy.going; i += 1) {
      const { id, seq } = await sender.send(channel, `${n}/${i} ${'x'.repeat(300)}`)
      acknowledged.set(id, seq)
    }
  })
  const backups: { file: BackupFile; before: Map<string, number> }[] = []
  for (let n = 0; n < 2; n += 1) {
    await eventually('some load', async () => acknowledged.size > (n + 1) * 200)
    const before = new Map(acknowledged)
    backups.push({ before, file: await backUp(node) })
  }
  busy.going = false
  await Promise.all(senders)
  const { before, file } = backups[1]!
  const from = join(node.dataDir, 'backups', file.file)

  const verified = JSON.parse(
    done(await holdfast(['backup', 'verify', from, '--key-file', keyFile, '--no-record', '--json'])),
  )
  expect(verified).toMatchObject({ proven: true, auditOk: true, index: file.index })

  const dataDir = join(path, 'data')
  done(await holdfast(['backup', 'restore', from, '--data', dataDir, '--key-file', keyFile, '--json']))
  await using restored = await startNode({ setUp: false, dataDir })
  // Sessions have ended; the password is what it was.
  await expect(restored.api(node.owner.token).auth.me.query()).rejects.toThrow()
  const owner = await restored.signIn(ownerName)
  const reader = await restored.signIn(anna.name)
  const entries = await entriesOf(reader.api, channel)
  expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, i) => i + 1))
  const there = new Map(entries.map(({ id, seq }) => [id, seq]))
  const lost = [...before].filter(([id, seq]) => there.get(id) !== seq)
  expect(lost).toEqual([])
  expect(await owner.api.audit.verify.mutate()).toMatchObject({ ok: true, faults: [] })
  const { rows } = await owner.api.audit.search.query({ action: 'backup.restored' })
  expect(rows).toMatchObject([{ detail: { index: file.index, sha256: file.sha256 } }])
  expect((await restored.http().call('/ca.pem')).body).toBe(node.ca)
  const { seq } = await restored.sdk(reader).send(channel, 'after')
  expect(seq).toBe(entries.length + 1)
  // The numbers of what came after the backup are given again: whoever had those entries is given what is there now.
  const ahead = restored.sdk(reader, { since: { [channel]: seq + 5 }, branch: '0' })
  const next = await ahead.entries().next()
  expect(next.value).toMatchObject({ seq, body: 'after' })
  expect(ahead.branch).not.toBe('0')
})

test('a node killed while it makes backups lists none that is broken, and leaves no copy of the database', async () => {
  await using node = await startNode()
  const { keyFile } = await withKey(node)
  const made = await backUp(node)
  for (const delayMs of [0, 20, 60, 120, 240]) {
    await node.owner.api.backups.create.mutate()
    await new Promise((resolve) => setTimeout(resolve, delayMs))
    await node.kill('SIGKILL')
    await node.startAgain()
    await eventually('the sweep', async () =>
      readdirSync(join(node.dataDir, 'backups')).every((name) => name.endsWith('.hfbackup')),
    )
    const { files } = await node.owner.api.backups.list.query()
    expect(files.filter((file) => file.problem !== null)).toEqual([])
    expect(files.map((file) => file.file)).toContain(made.file)
    const outgoing = join(node.dataDir, 'outgoing')
    expect(existsSync(outgoing) ? readdirSync(outgoing) : []).toEqual([])
  }
  for (const { file } of (await node.owner.api.backups.list.query()).files)
    done(
      await holdfast([
        'backup',
        'verify',
        join(node.dataDir, 'backups', file),
        '--key-file',
        keyFile,
        '--no-record',
      ]),
    )
})

test('a schedule makes up what was missed, and its failure is an alert', async () => {
  await using node = await startNode()
  const { api } = node.owner
  const keyless = (await api.backups.status.query()).settings
  await expect(
    api.backups.configure.mutate({ version: keyless.version, schedule: { kind: 'hours', every: 1 } }),
  ).rejects.toThrow('no recovery key')
  await withKey(node)
  const { version } = (await api.backups.status.query()).settings
  await api.backups.configure.mutate({ version, schedule: { kind: 'hours', every: 1 }, keep: 2 })
  const { nextAt } = await api.backups.status.query()
  expect(nextAt).toBeGreaterThan(Date.now())
  await node.stop()
  // As if the schedule had been set, and nothing been made, hours ago.
  const { changeClusterDb } = await import('../node-process.ts')
  changeClusterDb(
    node.dataDir,
    "UPDATE setting SET value = json_set(value, '$.scheduledAt', ?) WHERE key = 'backup'",
    Date.now() - 5 * 3600_000,
  )
  await node.startAgain()
  const { files } = await eventually('the missed backup', async () => {
    const list = await api.backups.list.query()
    return list.files.length > 0 ? list : null
  })
  expect(files).toHaveLength(1)
  const scheduled = await api.audit.search.query({ action: 'backup.created' })
  expect(scheduled.rows).toMatchObject([{ actorName: 'system', detail: { scheduled: true } }])
  expect((await api.backups.status.query()).nextAt).toBeGreaterThan(Date.now())

  // A folder that cannot be: a file is in its place.
  await node.stop()
  rmSync(join(node.dataDir, 'backups'), { recursive: true })
  writeFileSync(join(node.dataDir, 'backups'), '')
  await node.startAgain()
  await api.backups.create.mutate()
  await eventually('the alert', async () =>
    (await node.status()).alerts.some(
      ({ code, message }) => code === 'backup' && message.includes('backups'),
    ),
  )
  expect((await api.audit.search.query({ action: 'backup.failed' })).total).toBe(1)
})

test('the backup of a cluster’s member becomes a single node, which grows to a cluster again', async () => {
  let file: BackupFile
  let acknowledged: string[]
  let channel: string
  let keyFile: string
  const path = folder()
  const dataDir = join(path, 'data')
  let anna: Person
  {
    await using cluster = await startCluster(2)
    const { first } = cluster
    ;({ keyFile } = await withKey(first))
    anna = await first.newPerson()
    channel = await first.newChannel([anna])
    const sender = first.sdk(anna)
    const acks = await Promise.all(
      Array.from({ length: 200 }, (_, i) => sender.send(channel, `message ${i}`)),
    )
    acknowledged = acks.map((ack) => ack.id)
    // The other member: what the first one acknowledged has to be in its backup too.
    const member = cluster.nodes[1]!
    file = await backUp(member, cluster.api(member))
    const from = join(member.dataDir, 'backups', file.file)
    done(await holdfast(['backup', 'restore', from, '--data', dataDir, '--key-file', keyFile]))
  }
  keepQuiet(dataDir)
  const ports = await newPorts()
  await using restored = await startNode({
    setUp: false,
    dataDir,
    port: ports.https,
    flags: portFlags(ports),
  })
  const owner = await restored.signIn(ownerName)
  const reader = await restored.signIn(anna.name)
  const ids = (await entriesOf(reader.api, channel)).map(({ id }) => id)
  expect(ids.toSorted()).toEqual(acknowledged.toSorted())
  const alone = await owner.api.cluster.status.query()
  expect(alone).toMatchObject({ mode: 'single' })
  expect(alone.members).toHaveLength(1)
  expect(await owner.api.audit.verify.mutate()).toMatchObject({ ok: true, faults: [] })

  await owner.api.cluster.create.mutate({ address: '127.0.0.1' })
  await eventually('a cluster of one', async () => {
    const view = await owner.api.cluster.status.query().catch(() => null)
    return view?.mode === 'cluster' && view.writable && view.voters === 1
  })
  const { code } = await owner.api.cluster.invite.mutate({})
  const codeFile = join(path, 'code')
  writeFileSync(codeFile, code, { mode: 0o600 })
  const others = await newPorts()
  const second = join(path, 'second')
  done(
    await holdfast(
      [
        'cluster',
        'join',
        '--code-file',
        codeFile,
        '--data',
        second,
        '--node',
        'fresh',
        '--address',
        '127.0.0.1',
      ],
      {
        env: {
          HOLDFAST_PORT: String(others.https),
          HOLDFAST_PEER_PORT: String(others.peer),
          HOLDFAST_RAFT_PORT: String(others.raft),
        },
      },
    ),
  )
  await using joined = await startNode({
    setUp: false,
    dataDir: second,
    port: others.https,
    flags: portFlags(others),
  })
  await eventually('both are voters', async () => {
    const view = await joined
      .api(owner.token)
      .cluster.status.query()
      .catch(() => null)
    return (
      view?.writable === true && view.voters === 2 && view.members.every((each) => each.state === 'online')
    )
  })
  expect(await entriesOf(joined.api(reader.token), channel)).toHaveLength(200)
})
