import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PEERS_MAX, PEERS_PER_SOURCE_MAX, PeerMap, type Sighting } from './peer-map.ts'

const sighting = (overrides: Partial<Sighting> = {}): Sighting => ({
  key: 'a'.repeat(64),
  origin: 'beacon',
  info: {
    nodeId: 'n_1',
    nodeName: 'one',
    port: 7443,
    addresses: ['10.0.0.1'],
    keyFingerprint: 'a'.repeat(64),
  },
  source: '10.0.0.1',
  expiresAtMs: 1_000,
  member: false,
  ...overrides,
})

describe('the peer map', () => {
  it('never holds more than its limit, whatever comes', () => {
    const arbitrary = fc.record({
      key: fc.integer({ min: 0, max: 60 }).map(String),
      origin: fc.constantFrom('beacon', 'mdns', 'static'),
      member: fc.boolean(),
      source: fc.integer({ min: 0, max: 9 }).map((n) => `10.0.0.${n}`),
      expiresAtMs: fc.integer({ min: 1, max: 200 }),
    })
    fc.assert(
      fc.property(fc.array(arbitrary, { maxLength: 200 }), (entries) => {
        const map = new PeerMap(20)
        entries.forEach((entry, nowMs) => {
          map.put(sighting(entry as Partial<Sighting>), nowMs)
          expect(map.size).toBeLessThanOrEqual(20)
          expect(map.list(nowMs).length).toBeLessThanOrEqual(20)
        })
      }),
    )
  })

  it('holds 512 by default and counts what it refuses', () => {
    const map = new PeerMap()
    for (let i = 0; i < PEERS_MAX + 88; i += 1)
      map.put(sighting({ key: `k${i}`, source: `10.0.${i >> 3}.1` }), 0)
    expect([map.size, map.refused]).toEqual([PEERS_MAX, 88])
  })

  it('gives one sender’s address no more than its part', () => {
    const map = new PeerMap()
    for (let i = 0; i < 100; i += 1) map.put(sighting({ key: `k${i}` }), 0)
    expect(map.size).toBe(PEERS_PER_SOURCE_MAX)
  })

  it('when full lets a member take the place of an unsigned entry, and nobody that of a member', () => {
    const map = new PeerMap(2)
    map.put(sighting({ key: 'mdns:x', origin: 'mdns', source: '10.0.0.2' }), 0)
    map.put(sighting({ key: 'm1', member: true }), 0)
    expect(map.put(sighting({ key: 'm2', member: true }), 0)).toBe(true)
    expect(map.put(sighting({ key: 'b1', source: '10.0.0.9' }), 0)).toBe(false)
    expect(map.put(sighting({ key: 'm3', member: true }), 0)).toBe(false)
    expect(map.list(0).map((peer) => peer.key)).toEqual(['m1', 'm2'])
  })

  it('forgets what is not renewed, and tells the age of what is', () => {
    const map = new PeerMap()
    map.put(sighting(), 100)
    map.put(sighting(), 400)
    expect(map.list(900)).toMatchObject([{ firstSeenAt: 100, lastSeenAt: 400, ageMs: 500 }])
    expect(map.list(1_000)).toEqual([])
  })
})

describe('one node seen in several ways', () => {
  const fingerprint = 'a'.repeat(64)
  const unsigned = sighting({
    key: 'mdns:one',
    origin: 'mdns',
    info: { nodeId: 'n_evil', port: 1, addresses: ['10.6.6.6'], keyFingerprint: fingerprint },
  })
  const configured = sighting({
    key: 'static:10.0.0.1:7443',
    origin: 'static',
    info: { port: 7443, addresses: ['10.0.0.1'] },
  })

  it('is one peer, and only the signed word counts', () => {
    const map = new PeerMap()
    for (const entry of [configured, unsigned, sighting()]) map.put(entry, 0)
    expect(map.list(0)).toMatchObject([
      {
        nodeId: 'n_1',
        port: 7443,
        addresses: ['10.0.0.1'],
        origins: ['beacon', 'mdns', 'static'],
        verified: true,
      },
    ])
  })

  it('is unverified when nothing signed it', () => {
    const map = new PeerMap()
    map.put(unsigned, 0)
    map.put(configured, 0)
    const peers = map.list(0)
    expect(peers.map((peer) => peer.verified)).toEqual([false, false])
    expect(peers.find((peer) => peer.origins[0] === 'static')).toMatchObject({
      ageMs: null,
      lastSeenAt: null,
    })
  })

  it('marks two keys that claim one node id', () => {
    const map = new PeerMap()
    const other = 'b'.repeat(64)
    map.put(sighting(), 0)
    map.put(sighting({ key: other, info: { ...sighting().info, keyFingerprint: other } }), 0)
    expect(map.list(0).map((peer) => peer.contested)).toEqual([true, true])
  })
})
