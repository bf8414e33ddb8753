import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type DnsPacket,
  hostName,
  instanceName,
  readResponse,
  SERVICE_TYPE,
  TXT_BYTES_MAX,
  TXT_PAIR_BYTES_MAX,
  txtRecord,
} from './mdns-records.ts'

const fingerprint = '0123456789abcdef'.repeat(4)
const fields = {
  id: 'n_1',
  facility: 'Werk Süd',
  version: '0.1.0',
  ca: fingerprint,
  key: fingerprint,
  path: '/client/v1',
  proto: '1',
}

describe('the TXT record', () => {
  it('begins with its version and holds the rest in order', () => {
    expect(Object.keys(txtRecord(fields))).toEqual([
      'txtvers',
      'id',
      'facility',
      'version',
      'ca',
      'key',
      'path',
      'proto',
    ])
  })

  it('keeps RFC 6763’s limits with any values, and keys of at most nine plain characters', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 600 }),
        fc.string({ maxLength: 600 }),
        (facility, version) => {
          const pairs = Object.entries(txtRecord({ ...fields, facility, version }))
          const sizes = pairs.map(([key, value]) => Buffer.byteLength(`${key}=${value}`))
          expect(Math.max(...sizes)).toBeLessThanOrEqual(TXT_PAIR_BYTES_MAX)
          expect(sizes.reduce((sum, size) => sum + size + 1, 0)).toBeLessThanOrEqual(TXT_BYTES_MAX)
          expect(pairs.every(([key]) => /^[a-z]{1,9}$/.test(key))).toBe(true)
        },
      ),
    )
  })
})

describe('names', () => {
  it('fit one DNS label, carry the key and have no dot', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 120 }), (name) => {
        const label = instanceName(name, fingerprint)
        expect(Buffer.byteLength(label)).toBeLessThanOrEqual(63)
        expect(label).toMatch(/ \(01234567\)$/)
        expect(label).not.toContain('.')
      }),
    )
    expect(hostName(fingerprint)).toBe('holdfast-0123456789abcdef.local')
  })
})

const instance = `hall-a-1 (01234567).${SERVICE_TYPE}`
const host = hostName(fingerprint)

function response(): {
  answers: NonNullable<DnsPacket['answers']>
  additionals: NonNullable<DnsPacket['additionals']>
} {
  const txt = Object.entries(txtRecord(fields)).map(([key, value]) => Buffer.from(`${key}=${value}`))
  return {
    answers: [{ name: SERVICE_TYPE, type: 'PTR', ttl: 4500, data: instance }],
    additionals: [
      { name: instance, type: 'SRV', ttl: 120, data: { port: 7443, target: host } },
      { name: instance, type: 'TXT', ttl: 4500, data: txt },
      { name: host, type: 'AAAA', ttl: 120, data: 'fd00::1' },
      { name: host, type: 'A', ttl: 120, data: '10.0.0.1' },
      { name: 'other.local', type: 'A', ttl: 120, data: '10.9.9.9' },
    ],
  }
}

describe('reading a response', () => {
  it('gives the instance with its addresses, IPv4 first', () => {
    expect(readResponse(response()).seen).toEqual([
      {
        instance: instance.toLowerCase(),
        info: {
          nodeId: 'n_1',
          nodeName: 'hall-a-1',
          facility: 'Werk Süd',
          version: '0.1.0',
          port: 7443,
          addresses: ['10.0.0.1', 'fd00::1'],
          caFingerprint: fingerprint,
          keyFingerprint: fingerprint,
        },
      },
    ])
  })

  it('takes a pointer with TTL 0 as a goodbye', () => {
    const packet = { answers: [{ name: SERVICE_TYPE.toUpperCase(), type: 'PTR', ttl: 0, data: instance }] }
    expect(readResponse(packet)).toEqual({ seen: [], gone: [instance.toLowerCase()], malformed: 0 })
  })

  it('counts an instance without SRV or with fields out of their bounds', () => {
    const bare = response()
    bare.additionals.shift()
    expect(readResponse(bare)).toMatchObject({ seen: [], malformed: 1 })
    const wrong = response()
    wrong.additionals[1] = { name: instance, type: 'TXT', data: [Buffer.from('id=<script>')] }
    expect(readResponse(wrong)).toMatchObject({ seen: [], malformed: 1 })
  })

  it('never throws on records of any shape, and reads no more than a packet of ours could hold', () => {
    const name = fc.constantFrom(SERVICE_TYPE, instance, host, '', 'a.b')
    const data = fc.oneof(
      fc.constantFrom(instance, host, '10.0.0.1'),
      fc.anything(),
      fc.array(fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))),
    )
    const record = fc.record({
      name,
      type: fc.constantFrom('PTR', 'SRV', 'TXT', 'A', 'AAAA', 'NSEC'),
      ttl: fc.nat(9),
      data,
    })
    fc.assert(
      fc.property(fc.array(record, { maxLength: 60 }), (answers) => {
        const { seen, gone } = readResponse({ answers })
        expect(seen.length + gone.length).toBeLessThanOrEqual(32)
      }),
      { numRuns: 500 },
    )
  })
})
