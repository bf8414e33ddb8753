import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { BundleWorkshop } from '../../appliance/bundle-fixture.ts'
import { furnishMachine, setInstalled } from '../../appliance/machine-fixture.ts'
import { UpdateJournal } from '../../appliance/update-state.ts'
import { BundleStore } from './bundle-store.ts'
import { RolloutMember } from './rollout-member.ts'

let workshop: BundleWorkshop
let home: string
let source: Node
let other: Node
/** What happens to the n-th call for a part; true: it is lost. */
let isLost: (n: number) => boolean
let parts: number
let isOpen: boolean

class Node {
  readonly paths
  readonly store: BundleStore
  readonly member: RolloutMember

  constructor(name: string) {
    const vendor = workshop.path('vendor-ca.pem')
    this.paths = furnishMachine(join(home, name), { kind: 'appliance', slot: 'A' }, vendor)
    this.store = new BundleStore(this.paths, () => null)
    this.member = new RolloutMember({
      paths: this.paths,
      store: this.store,
      fetchAgainMs: 1,
      isOpen: () => isOpen,
      call: async (_to, op, payload) => {
        parts += 1
        if (isLost(parts)) throw new Error('it does not answer')
        return await source.call(op, payload)
      },
    })
  }

  async call(op: string, payload: unknown): Promise<unknown> {
    return await this.member.calls[op]?.(payload, { nodeId: 'n_other', name: 'other' })
  }

  get journal() {
    return new UpdateJournal(this.paths.update)
  }
}

const bytesOf = (name: string) => statSync(workshop.path(`${name}.raucb`)).size

async function holds(node: Node, name: string): Promise<string> {
  await node.store.append(0, readFileSync(workshop.path(`${name}.raucb`)))
  return (await node.store.check()).bundle.id
}

async function fetched(
  bundle: string,
  bytes: number,
  id = 'up_1',
): Promise<{ state: string; reason: string | null }> {
  await other.call('update.fetch', { id, bundle, bytes, from: 'n_source' })
  for (;;) {
    const { bundle: now } = other.member.state({ id, bundle })
    if (now.state !== 'fetching') return now
    await sleep(2)
  }
}

beforeAll(async () => {
  workshop = await BundleWorkshop.open()
  workshop.vendor('vendor')
  // More than one part, of what does not pack.
  const blocks = Array.from({ length: 40_000 }, (_, n) => createHash('sha256').update(`${n}`).digest())
  const noise = Buffer.concat(blocks)
  workshop.bundle('newer', { vendor: 'vendor', version: '0.2.0', files: { 'rootfs.img': noise } })
  workshop.bundle('older', {
    vendor: 'vendor',
    version: '0.0.1',
    files: { 'rootfs.img': Buffer.from(noise.toReversed()) },
  })
})
afterAll(async () => await workshop[Symbol.asyncDispose]())
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'holdfast-member-'))
  source = new Node('source')
  other = new Node('other')
  isLost = () => false
  parts = 0
  isOpen = true
  return async () => await rm(home, { recursive: true, force: true })
})

test('a bundle goes from node to node in parts, over calls that are lost, and is checked whole', async () => {
  const id = await holds(source, 'newer')
  isLost = (n) => n % 2 === 1
  expect(await fetched(id, bytesOf('newer'))).toEqual({ state: 'ready', reason: null })
  expect(readFileSync(other.store.file).equals(readFileSync(workshop.path('newer.raucb')))).toBe(true)
  // Once it is here nothing is fetched again, also by a daemon that has started anew.
  const before = parts
  other = Object.assign(new Node('other'))
  expect(await fetched(id, bytesOf('newer'))).toMatchObject({ state: 'ready' })
  expect(parts).toBe(before)
})

test('what was fetched goes when the update of the cluster is over, and what a person uploaded stays', async () => {
  const id = await holds(source, 'newer')
  await fetched(id, bytesOf('newer'))
  other.member.tidy(true)
  expect(other.store.bytes).toBe(bytesOf('newer'))
  // The daemon has started anew meanwhile.
  other = new Node('other')
  other.member.tidy(false)
  source.member.tidy(false)
  expect([other.store.bytes, source.store.bytes]).toEqual([0, bytesOf('newer')])
  await holds(other, 'newer')
  other.member.tidy(false)
  expect(other.store.held?.id).toBe(id)
})

test('a fetch that was cut off goes on where it was', async () => {
  const id = await holds(source, 'newer')
  isLost = (n) => n > 1
  expect(await fetched(id, bytesOf('newer'))).toMatchObject({ state: 'failed' })
  const there = other.store.bytes
  expect(there).toBeGreaterThan(0)
  isLost = () => false
  parts = 0
  expect(await fetched(id, bytesOf('newer'))).toMatchObject({ state: 'ready' })
  expect(parts).toBe(Math.ceil((bytesOf('newer') - there) / (512 * 1024)))
})

test('a fetch that the end of the daemon cuts off goes on where it was', async () => {
  const id = await holds(source, 'newer')
  isLost = (n) => {
    if (n === 2) other.member.stop()
    return n > 1
  }
  expect(await fetched(id, bytesOf('newer'))).toEqual({ state: 'none', reason: null })
  const there = other.store.bytes
  expect(there).toBeGreaterThan(0)
  other = new Node('other')
  isLost = () => false
  parts = 0
  expect(await fetched(id, bytesOf('newer'))).toMatchObject({ state: 'ready' })
  expect(parts).toBe(Math.ceil((bytesOf('newer') - there) / (512 * 1024)))
})

test('an update of the cluster is told nothing of a fetch that failed for an earlier one', async () => {
  const id = await holds(source, 'newer')
  isLost = () => true
  expect(await fetched(id, bytesOf('newer'))).toMatchObject({ state: 'failed' })
  expect(other.member.state({ id: 'up_2', bundle: id }).bundle).toEqual({ state: 'none', reason: null })
})

test.each([
  ['a part of', (bytes: number) => bytes / 2],
  ['the whole of', (bytes: number) => bytes],
])('%s another bundle, which a person left here, is no beginning', async (_, share) => {
  await other.store.append(0, readFileSync(workshop.path('older.raucb')).subarray(0, share(bytesOf('older'))))
  const id = await holds(source, 'newer')
  expect(await fetched(id, bytesOf('newer'))).toEqual({ state: 'ready', reason: null })
})

test('what a person uploads in the place of what was fetched is not tidied away', async () => {
  const id = await holds(source, 'newer')
  await fetched(id, bytesOf('newer'))
  await holds(other, 'newer')
  other.member.tidy(false)
  expect(other.store.held?.id).toBe(id)
})

test('another bundle in the place of the wanted one, and one that this machine does not take, are refused with the reason', async () => {
  const id = await holds(source, 'newer')
  await source.store.append(0, readFileSync(workshop.path('older.raucb')))
  expect((await fetched(id, bytesOf('newer'))).reason).toContain('does not have the bundle')
  // Its own state may differ from the one that looked at the bundle first.
  setInstalled(other.paths, { kind: 'appliance', slot: 'A' }, '0.3.0')
  await holds(source, 'newer')
  expect((await fetched(id, bytesOf('newer'))).reason).toBe('Version 0.2.0 is older than 0.3.0, which runs.')
})

test('asked twice it asks root once, and what became of it is told by the history, whatever came before', async () => {
  const id = await holds(other, 'newer')
  const asked = { id: 'up_1', bundle: id, by: 'ingrid', again: false, allowPause: false }
  const state = () => other.member.state({ id: 'up_1', bundle: id }).run.state
  const step = {
    id,
    from: '0.1.0',
    to: '0.2.0',
    slot: 'B',
    snapshot: null,
    reason: null,
    by: 'ingrid',
  } as const
  await other.journal.enter({ ...step, phase: 'rolled-back' })
  expect(state()).toBe('none')
  await other.call('update.ask', asked)
  const request = join(other.paths.uploads, 'request.json')
  expect(existsSync(request)).toBe(true)
  rmSync(request)
  await other.call('update.ask', asked)
  expect(existsSync(request)).toBe(false)
  expect(state()).toBe('waiting')
  for (const phase of ['installed', 'trial'] as const) {
    await other.journal.enter({ ...step, phase })
    expect(state()).toBe('waiting')
  }
  await other.journal.enter({ ...step, phase: 'confirmed' })
  isOpen = false
  expect(state()).toBe('waiting')
  isOpen = true
  expect(new Node('other').member.state({ id: 'up_1', bundle: id }).run.state).toBe('updated')
  expect(other.member.state({ id: 'up_2', bundle: id }).run.state).toBe('none')
})

test('a request that root does not take away is a failure with its reason', async () => {
  const id = await holds(other, 'newer')
  await other.call('update.ask', { id: 'up_1', bundle: id, by: 'ingrid', again: false, allowPause: false })
  const request = join(other.paths.uploads, 'request.json')
  const longAgo = Date.now() / 1000 - 600
  utimesSync(request, longAgo, longAgo)
  expect(other.member.state({ id: 'up_1', bundle: id }).run).toMatchObject({
    state: 'failed',
    reason: expect.stringContaining('holdfast-update'),
  })
  expect(existsSync(request)).toBe(false)
})

test('a request that could not be left for root was not made, and is made anew', async () => {
  const id = await holds(other, 'newer')
  const asked = { id: 'up_1', bundle: id, by: 'ingrid', again: false, allowPause: false }
  const request = join(other.paths.uploads, 'request.json')
  mkdirSync(join(request, 'in-the-way'), { recursive: true })
  await expect(other.call('update.ask', asked)).rejects.toThrow()
  expect(other.member.state({ id: 'up_1', bundle: id }).run.state).toBe('none')
  rmSync(request, { recursive: true })
  await other.call('update.ask', asked)
  expect(existsSync(request)).toBe(true)
})

test('a bundle that changes while it is checked is not taken for the one that was checked', async () => {
  let changing: Promise<unknown> = Promise.resolve()
  const store: BundleStore = new BundleStore(other.paths, () => {
    changing = store.append(0, Buffer.from('another bundle'))
    return null
  })
  await store.append(0, readFileSync(workshop.path('newer.raucb')))
  await expect(store.check()).rejects.toMatchObject({ code: 'conflict' })
  expect(store.held).toBeNull()
  await changing
  expect(store.bytes).toBe(14)
})

test('who has no bundle can neither give nor install it', async () => {
  const id = 'b'.repeat(64)
  await expect(source.call('update.part', { bundle: id, offset: 0 })).rejects.toMatchObject({
    code: 'not-found',
  })
  const asked = { id: 'up_1', bundle: id, by: 'ingrid', again: false, allowPause: false }
  await expect(source.call('update.ask', asked)).rejects.toMatchObject({ code: 'conflict' })
  await expect(source.call('update.part', { bundle: 'x', offset: -1 })).rejects.toThrow()
})
