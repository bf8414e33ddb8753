import { beforeAll, describe, expect, it } from 'vitest'
import { type Beacon, certificateIdentity, decodeDatagram, encodeBeacon } from './beacon.ts'
import { BeaconReceiver } from './beacon-receiver.ts'
import { CLOCK_TOLERANCE_MS } from './replay.ts'
import { type TestIdentity, testBeacon, testIdentity } from './test-identity.ts'

const nowMs = 1_700_000_000_000
let node: TestIdentity
beforeAll(async () => {
  node = await testIdentity('hall-a-1')
})

const signed = (overrides: Partial<Beacon> = {}) =>
  encodeBeacon(testBeacon(node, { at: nowMs, ...overrides }), node.sign)
const badlySigned = () =>
  encodeBeacon(testBeacon(node, { at: nowMs }), (bytes) => node.sign(bytes.subarray(1)))
const from = '10.0.0.1'

function nonceOf(query: Buffer): string {
  const decoded = decodeDatagram(query)
  return decoded.kind === 'query' ? decoded.query.nonce : ''
}

describe('replay protection', () => {
  it('takes a growing counter, and neither the same nor an older one', () => {
    const receiver = new BeaconReceiver()
    const kinds = [1, 2, 2, 1, 5, 4].map((seq) => receiver.receive(signed({ seq }), from, nowMs).kind)
    expect(kinds).toEqual(['beacon', 'beacon', 'dropped', 'dropped', 'beacon', 'dropped'])
    expect(receiver.dropped).toMatchObject({ duplicate: 1, replayed: 2 })
  })

  it('takes a restarted node’s counter from the beginning, and not its former life’s', () => {
    const receiver = new BeaconReceiver()
    expect(receiver.receive(signed({ boot: 1, seq: 900 }), from, nowMs).kind).toBe('beacon')
    expect(receiver.receive(signed({ boot: 2, seq: 1 }), from, nowMs).kind).toBe('beacon')
    expect(receiver.receive(signed({ boot: 1, seq: 901 }), from, nowMs).kind).toBe('dropped')
  })

  it.each([-CLOCK_TOLERANCE_MS - 1, CLOCK_TOLERANCE_MS + 1])(
    'asks back when the time is %i ms off',
    (offMs) => {
      const receiver = new BeaconReceiver()
      expect(receiver.receive(signed({ at: nowMs + offMs }), from, nowMs).kind).toBe('stale')
      expect(receiver.dropped.stale).toBe(1)
    },
  )

  it('believes a wrong clock once the node has answered our nonce, and then allows for the difference', () => {
    const receiver = new BeaconReceiver()
    const offMs = 3_600_000
    const nonce = nonceOf(receiver.newQuery(nowMs))
    const answer = receiver.receive(signed({ at: nowMs + offMs, seq: 5, nonce }), from, nowMs + 10)
    expect(answer).toMatchObject({ kind: 'beacon', answersUs: true })
    expect(receiver.receive(signed({ at: nowMs + offMs + 5_000, seq: 6 }), from, nowMs + 5_000).kind).toBe(
      'beacon',
    )
  })

  it('does not believe a nonce that is not ours, or is old', () => {
    const receiver = new BeaconReceiver()
    const nonce = nonceOf(receiver.newQuery(nowMs))
    const at = nowMs + 3_600_000
    expect(receiver.receive(signed({ at, nonce: 'x'.repeat(22) }), from, nowMs).kind).toBe('stale')
    expect(receiver.receive(signed({ at, nonce }), from, nowMs + 6_000).kind).toBe('stale')
  })
})

describe('what is dropped', () => {
  it('is counted by its reason', () => {
    const receiver = new BeaconReceiver()
    const wrong = badlySigned()
    const bytes = [Buffer.alloc(1_201), Buffer.from('junk'), Buffer.from('HOLDFAST/9 x\n{}'), wrong]
    for (const datagram of bytes) expect(receiver.receive(datagram, from, nowMs).kind).toBe('dropped')
    expect(receiver.dropped).toMatchObject({ oversized: 1, malformed: 1, version: 1, signature: 1 })
    expect(receiver.received).toBe(4)
  })

  it('is everything above a sender’s rate', () => {
    const receiver = new BeaconReceiver()
    for (let i = 0; i < 200; i += 1) receiver.receive(Buffer.from('junk'), from, nowMs)
    expect(receiver.dropped).toMatchObject({ malformed: 60, rate: 140 })
    expect(receiver.receive(signed(), '10.0.0.2', nowMs).kind).toBe('beacon')
  })

  it('is everything above the signatures that are checked each second', () => {
    const receiver = new BeaconReceiver()
    const flood = badlySigned()
    for (let i = 0; i < 700; i += 1) receiver.receive(flood, `10.0.${i >> 8}.${i & 255}`, nowMs)
    expect(receiver.dropped).toMatchObject({ signature: 600, rate: 100 })
  })
})

describe('our own key', () => {
  const boot = nowMs - 60_000
  const own = () => new BeaconReceiver({ key: certificateIdentity(node.certificate).publicKey, boot })

  it('is our own echo when it is from this start', () => {
    const receiver = own()
    expect(receiver.receive(signed({ boot }), from, nowMs).kind).toBe('dropped')
    expect(receiver.dropped.own).toBe(1)
    expect(receiver.receive(receiver.newQuery(nowMs), from, nowMs).kind).toBe('dropped')
    expect(receiver.dropped.own).toBe(2)
  })

  it('is a running copy of this node when it is from another start, unless it is a recording of an earlier one', () => {
    expect(own().receive(signed({ boot: boot - 1, at: nowMs }), from, nowMs).kind).toBe('clone')
    expect(own().receive(signed({ boot: boot - 9, at: boot - 5 }), from, nowMs).kind).toBe('dropped')
  })
})
