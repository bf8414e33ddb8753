import { describe, expect, test } from 'vitest'
import { commandTypes, systemActor } from '../../state/commands.ts'
import { TestMachine } from '../../state/machine-fixture.ts'
import {
  type Checkpoint,
  cosignCheckpoint,
  cosignerKey,
  originOf,
  readCheckpoint,
  signaturesOf,
  signCheckpoint,
} from './checkpoint.ts'
import { disputesSetting, recentCheckpoints } from './commands.ts'
import { encodeKey, type Signer } from './signed-note.ts'
import { testSigner } from './test-signer.ts'

const origin = originOf('ab'.repeat(32))
const dayMs = 24 * 3600_000

/** A machine with two nodes whose keys are published, and enough events. */
class Facility extends TestMachine {
  readonly signers: Record<string, Signer> = { n_1: testSigner(), n_2: testSigner() }

  constructor() {
    super()
    this.setUp()
    this.apply(Array.from({ length: 10 }, () => anyEvent))
    this.db.exec(
      "INSERT INTO node (id, name, fingerprint, certificate, addedAt) VALUES ('n_2', 'node2', '', '', 0)",
    )
    for (const node of ['n_1', 'n_2'])
      expect(this.control('audit.key', { node, key: this.key(node) })).toEqual(done)
  }

  key(node: string): string {
    return encodeKey(cosignerKey({ origin, node, publicKey: this.signer(node).publicKey }))
  }

  signer(node: string): Signer {
    const signer = this.signers[node]
    if (signer === undefined) throw new Error(`no node ${node}`)
    return signer
  }

  checkpoint(size: number, change: Partial<Checkpoint> & { node?: string; line?: string } = {}): unknown {
    const { node = 'n_1', line, ...rest } = change
    const made = { origin, size, root: rootAt(size), ...rest }
    return this.control(
      'audit.checkpoint',
      {
        ...made,
        root: made.root.toString('base64'),
        node,
        line: line ?? signCheckpoint(made, this.signer(node)),
      },
      systemActor,
    )
  }

  cosign(size: number, node = 'n_2'): unknown {
    const line = cosignCheckpoint(
      { origin, size, root: rootAt(size) },
      { node, signer: this.signer(node), at: 5000 },
    )
    return this.control('audit.cosign', { size, node, line }, systemActor)
  }

  note(size: number): string {
    return this.db.prepare('SELECT note FROM checkpoint WHERE size = ?').pluck().get(size) as string
  }

  sizes(): number[] {
    return this.db.prepare('SELECT size FROM checkpoint ORDER BY size').pluck().all() as number[]
  }

  events(action: string): { target: string; detail: Record<string, unknown> }[] {
    return this.db
      .prepare('SELECT event FROM audit_event WHERE action = ? ORDER BY seq')
      .pluck()
      .all(action)
      .map((event) => JSON.parse(event as string))
  }
}

const anyEvent = [commandTypes.control, 'audit.used', systemActor, { action: 'audit.verified', detail: {} }]
const rootAt = (size: number) => Buffer.alloc(32, size)
const done = { value: null }
const refused = (code: string) => ({ refused: [code, expect.any(String)] })

describe('the key of a node', () => {
  test('is published once, and each change of it stays in the log', () => {
    using facility = new Facility()
    facility.control('audit.key', { node: 'n_1', key: facility.key('n_1') })
    expect(facility.events('audit.key-published')).toHaveLength(2)
    const before = facility.key('n_1')
    facility.signers.n_1 = testSigner()
    expect(facility.control('audit.key', { node: 'n_1', key: facility.key('n_1') })).toEqual(done)
    expect(facility.events('audit.key-published').at(-1)).toMatchObject({
      target: 'n_1',
      detail: { key: facility.key('n_1'), before },
    })
  })

  test('is refused for another node, for no node and when it is no key', () => {
    using facility = new Facility()
    expect(facility.control('audit.key', { node: 'n_1', key: facility.key('n_2') })).toEqual(
      refused('bad-request'),
    )
    expect(facility.control('audit.key', { node: 'n_9', key: facility.key('n_2') })).toEqual(
      refused('not-found'),
    )
    expect(facility.control('audit.key', { node: 'n_1', key: 'x' })).toEqual(refused('bad-request'))
  })
})

describe('a checkpoint', () => {
  test('is stored with the line of its node and gets those of the others', () => {
    using facility = new Facility()
    expect(facility.checkpoint(5)).toEqual({ value: 5 })
    expect(facility.cosign(5)).toEqual(done)
    expect(facility.cosign(5)).toEqual(done)
    const stored = readCheckpoint(facility.note(5))
    expect(stored).toMatchObject({ origin, size: 5, root: rootAt(5) })
    const keys = ['n_1', 'n_2'].map((node) => facility.key(node))
    expect(signaturesOf(stored, keys)).toMatchObject([{ isLog: true }, { isLog: false, at: 5000 }])
    expect(stored.lines).toHaveLength(2)
    expect(facility.events('audit.checkpoint')).toEqual([])
  })

  test('never goes back, and never beyond the events', () => {
    using facility = new Facility()
    expect(facility.checkpoint(5)).toEqual({ value: 5 })
    expect(facility.checkpoint(5)).toEqual(refused('conflict'))
    expect(facility.checkpoint(4)).toEqual(refused('conflict'))
    expect(facility.checkpoint(1_000_000)).toEqual(refused('bad-request'))
    expect(facility.checkpoint(6.5)).toEqual(refused('bad-request'))
    expect(facility.checkpoint(0)).toEqual(refused('bad-request'))
    expect(facility.sizes()).toEqual([5])
  })

  test('is of one origin for good and signed by a node of the facility', () => {
    using facility = new Facility()
    expect(facility.checkpoint(4, { origin: 'example.com/log' })).toEqual(refused('bad-request'))
    expect(facility.checkpoint(5)).toEqual({ value: 5 })
    expect(facility.checkpoint(6, { origin: originOf('cd'.repeat(32)) })).toEqual(refused('bad-request'))
    expect(facility.checkpoint(6, { line: '' })).toEqual(refused('bad-request'))
    const other = { origin, size: 7, root: rootAt(7) }
    expect(facility.checkpoint(6, { line: signCheckpoint(other, facility.signer('n_1')) })).toEqual(
      refused('bad-request'),
    )
    expect(facility.checkpoint(6, { line: signCheckpoint({ ...other, size: 6 }, testSigner()) })).toEqual(
      refused('bad-request'),
    )
    expect(facility.checkpoint(6, { node: 'n_2' })).toEqual({ value: 6 })
  })

  test('is cosigned by others only, under what was checkpointed', () => {
    using facility = new Facility()
    facility.checkpoint(5)
    expect(facility.cosign(5, 'n_1')).toEqual(refused('bad-request'))
    expect(facility.cosign(6)).toEqual(refused('not-found'))
    const line = cosignCheckpoint(
      { origin, size: 5, root: rootAt(9) },
      { node: 'n_2', signer: facility.signer('n_2'), at: 1 },
    )
    expect(facility.control('audit.cosign', { size: 5, node: 'n_2', line })).toEqual(refused('bad-request'))
    expect(readCheckpoint(facility.note(5)).lines).toHaveLength(1)
  })

  test('stays while it is recent; of old ones the first of each day stays', () => {
    using facility = new Facility()
    const events = recentCheckpoints + 40
    facility.apply(Array.from({ length: events }, () => anyEvent))
    for (let size = 1; size <= events; size++) {
      const made = { origin, size, root: rootAt(size) }
      const payload = {
        ...made,
        root: made.root.toString('base64'),
        node: 'n_1',
        line: signCheckpoint(made, facility.signer('n_1')),
      }
      facility.apply([[commandTypes.control, 'audit.checkpoint', systemActor, payload]], size * (dayMs / 10))
    }
    const sizes = facility.sizes()
    expect(sizes.slice(-recentCheckpoints)).toEqual(
      Array.from({ length: recentCheckpoints }, (_, i) => 41 + i),
    )
    expect(sizes.slice(0, -recentCheckpoints)).toEqual([1, 10, 20, 30, 40])
  })
})

describe('a dispute', () => {
  test('is told once for each node and ends when the node confirms again', () => {
    using facility = new Facility()
    const root = rootAt(99).toString('base64')
    const disputes = () => facility.machine.directory.setting(disputesSetting, [])
    facility.checkpoint(5)
    expect(facility.control('audit.disputed', { size: 5, node: 'n_2', root }, systemActor)).toEqual(done)
    facility.checkpoint(6)
    expect(facility.control('audit.disputed', { size: 6, node: 'n_2', root }, systemActor)).toEqual(done)
    expect(disputes()).toMatchObject([{ node: 'n_2', size: 5, root }])
    expect(facility.events('audit.disputed')).toMatchObject([{ target: 'n_2', detail: { size: 5, root } }])
    facility.cosign(6)
    expect(disputes()).toEqual([])
    expect(facility.events('audit.dispute-settled')).toMatchObject([
      { target: 'n_2', detail: { size: 5, confirmed: 6 } },
    ])
  })

  test('is refused without a difference, a checkpoint or a node', () => {
    using facility = new Facility()
    facility.checkpoint(5)
    const dispute = (change: object) =>
      facility.control(
        'audit.disputed',
        { size: 5, node: 'n_2', root: rootAt(9).toString('base64'), ...change },
        systemActor,
      )
    expect(dispute({ root: rootAt(5).toString('base64') })).toEqual(refused('bad-request'))
    expect(dispute({ root: 'AAAA' })).toEqual(refused('bad-request'))
    expect(dispute({ size: 4 })).toEqual(refused('not-found'))
    expect(dispute({ node: 'n_9' })).toEqual(refused('not-found'))
    expect(facility.events('audit.disputed')).toEqual([])
  })
})
