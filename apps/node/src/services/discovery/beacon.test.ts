import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  BEACON_ADDRESSES_MAX,
  type Beacon,
  certificateIdentity,
  cutName,
  DATAGRAM_BYTES_MAX,
  decodeDatagram,
  encodeBeacon,
  encodeQuery,
  NAME_BYTES_MAX,
} from './beacon.ts'
import { otherCurvePublicKey, type TestIdentity, testBeacon, testIdentity } from './test-identity.ts'

let node: TestIdentity
beforeAll(async () => {
  node = await testIdentity('hall-a-1')
})

const hex64 = fc.stringMatching(/^[0-9a-f]{64}$/)
const text = fc.string({ unit: 'grapheme', maxLength: 200 }).map((value) => cutName(value))
const arbitraryBeacon = () =>
  fc.record({
    id: fc.stringMatching(/^[A-Za-z0-9._-]{1,64}$/),
    name: text.map((value) => value || 'x'),
    facility: text,
    site: fc.option(text, { nil: undefined }),
    port: fc.integer({ min: 1, max: 65_535 }),
    version: fc.stringMatching(/^[\x21-\x7e]{1,32}$/),
    ca: hex64,
    cert: hex64,
    addresses: fc.array(fc.oneof(fc.ipV4(), fc.ipV6()), { maxLength: BEACON_ADDRESSES_MAX }),
    boot: fc.maxSafeNat(),
    seq: fc.maxSafeNat(),
    at: fc.maxSafeNat(),
    nonce: fc.option(fc.stringMatching(/^[A-Za-z0-9_-]{16,32}$/), { nil: undefined }),
  })

function decodeVerified(datagram: Buffer) {
  const decoded = decodeDatagram(datagram)
  return decoded.kind === 'beacon' ? decoded.check() : undefined
}

describe('a beacon', () => {
  it('comes back as it was sent, within 1200 bytes, only ever short of its last addresses', () => {
    fc.assert(
      fc.property(arbitraryBeacon(), (fields) => {
        const { publicKey, keyFingerprint } = certificateIdentity(node.certificate)
        const sent = JSON.parse(JSON.stringify({ ...fields, key: publicKey })) as Beacon
        const datagram = encodeBeacon(sent, node.sign)
        expect(datagram.length).toBeLessThanOrEqual(DATAGRAM_BYTES_MAX)
        const received = decodeVerified(datagram)
        expect(received).toMatchObject({ ...sent, addresses: received?.addresses, keyFingerprint })
        expect(sent.addresses.slice(0, received?.addresses.length)).toEqual(received?.addresses)
      }),
      { numRuns: 200 },
    )
  })

  it('keeps all eight addresses with names of ordinary length', () => {
    const addresses = Array.from({ length: 8 }, (_, i) => `fd12:3456:789a:bcde:1111:2222:3333:444${i}`)
    const beacon = testBeacon(node, { addresses, nonce: 'n'.repeat(22) })
    expect(decodeVerified(encodeBeacon(beacon, node.sign))?.addresses).toEqual(addresses)
  })

  it('is refused when any one bit of it was changed', () => {
    const datagram = encodeBeacon(testBeacon(node), node.sign)
    fc.assert(
      fc.property(fc.nat(datagram.length - 1), fc.nat(7), (index, bit) => {
        const tampered = Buffer.from(datagram)
        tampered[index] = (tampered[index] ?? 0) ^ (1 << bit)
        const received = decodeVerified(tampered)
        // The last character of the signature carries four bits that mean nothing in base64url.
        if (received) expect(index).toBe('HOLDFAST/1 beacon '.length + 85)
      }),
      { numRuns: 2_000 },
    )
  })

  it('is refused when signed by another key than the enclosed one, or by another kind of key', async () => {
    const stranger = await testIdentity('stranger')
    expect(decodeVerified(encodeBeacon(testBeacon(node), stranger.sign))).toBeUndefined()
    const key = otherCurvePublicKey().padEnd(122, 'A').slice(0, 122)
    expect(decodeVerified(encodeBeacon(testBeacon(node, { key }), node.sign))).toBeUndefined()
  })
})

describe('decoding', () => {
  it('never throws and accepts nothing from random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1_500 }), (bytes) => {
        expect(decodeDatagram(Buffer.from(bytes)).kind).toBe('refused')
      }),
      { numRuns: 1_000 },
    )
  })

  it('never throws on well-formed JSON of any shape behind a right first line', () => {
    const signature = 'A'.repeat(86)
    fc.assert(
      fc.property(fc.json({ maxDepth: 3 }), fc.boolean(), (json, query) => {
        const head = query ? 'HOLDFAST/1 query\n' : `HOLDFAST/1 beacon ${signature}\n`
        expect(decodeDatagram(Buffer.from(head + json)).kind).toBe('refused')
      }),
      { numRuns: 1_000 },
    )
  })

  it.each([
    ['oversized', Buffer.alloc(DATAGRAM_BYTES_MAX + 1, 'x')],
    ['malformed', Buffer.from('')],
    ['malformed', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['version', Buffer.from('HOLDFAST/2 beacon xyz\n{}')],
    ['malformed', Buffer.from('HOLDFAST/1 query\n{"nonce":"short"}')],
  ])('says why it refuses: %s', (reason, datagram) => {
    expect(decodeDatagram(datagram)).toEqual({ kind: 'refused', reason })
  })

  it('reads a query', () => {
    const nonce = 'abcdefghijklmnopqrstuv'
    expect(decodeDatagram(encodeQuery({ nonce }))).toEqual({ kind: 'query', query: { nonce } })
  })
})

describe('cutName', () => {
  it('cuts to the byte limit, between characters, without control characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (value) => {
        const cut = cutName(value)
        expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(NAME_BYTES_MAX)
        expect(cut).toBe(Buffer.from(cut).toString('utf8'))
        expect([...cut].every((character) => character >= ' ' && character !== '\u007f')).toBe(true)
      }),
    )
    expect(cutName('Küche\nOst')).toBe('Küche Ost')
  })
})
