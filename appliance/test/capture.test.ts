import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Packet, packetsIn, strayPackets } from './capture.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-capture-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** A capture with these Ethernet frames, as QEMU writes it. */
function captured(frames: readonly Buffer[], cutBytes = 0): string {
  const header = Buffer.alloc(24)
  header.writeUInt32LE(0xa1b2c3d4, 0)
  const parts = frames.flatMap((frame) => {
    const head = Buffer.alloc(16)
    head.writeUInt32LE(frame.length, 8)
    head.writeUInt32LE(frame.length, 12)
    return [head, frame]
  })
  const bytes = Buffer.concat([header, ...parts])
  writeFileSync(join(folder, 'lan.pcap'), bytes.subarray(0, bytes.length - cutBytes))
  return join(folder, 'lan.pcap')
}

function frame4(from: string, to: string, protocol: number, toPort: number): Buffer {
  const bytes = Buffer.alloc(14 + 24 + 8)
  bytes.writeUInt16BE(0x0800, 12)
  // A header with one word of options.
  bytes[14] = 0x46
  bytes[14 + 9] = protocol
  for (const [at, text] of [
    [12, from],
    [16, to],
  ] as const)
    for (const [index, part] of text.split('.').entries()) bytes[14 + at + index] = Number(part)
  bytes.writeUInt16BE(toPort, 14 + 24 + 2)
  return bytes
}

function frame6(to: string, protocol: number, toPort: number): Buffer {
  const bytes = Buffer.alloc(14 + 40 + 8)
  bytes.writeUInt16BE(0x86dd, 12)
  bytes[14 + 6] = protocol
  for (const [index, part] of to.split(':').entries())
    bytes.writeUInt16BE(Number.parseInt(part, 16), 14 + 24 + index * 2)
  bytes.writeUInt16BE(toPort, 14 + 40 + 2)
  return bytes
}

const arp = Buffer.concat([Buffer.alloc(12), Buffer.from([0x08, 0x06]), Buffer.alloc(28)])

test('IP packets are read with their ports; others, and one that was cut, are left out', () => {
  const frames = [arp, frame4('10.0.2.15', '10.0.2.2', 6, 443), frame6('ff02:0:0:0:0:0:0:fb', 17, 5353)]
  expect(packetsIn(captured([...frames, frame4('10.0.2.15', '10.0.2.2', 1, 0)]))).toEqual([
    { protocol: 'IPv4', from: '10.0.2.15', to: '10.0.2.2', toPort: 443 },
    { protocol: 'IPv6', from: '0:0:0:0:0:0:0:0', to: 'ff02:0:0:0:0:0:0:fb', toPort: 5353 },
    { protocol: 'IPv4', from: '10.0.2.15', to: '10.0.2.2', toPort: null },
  ])
  expect(packetsIn(captured(frames, 5))).toHaveLength(1)
})

test('what is no capture is refused', () => {
  writeFileSync(join(folder, 'x'), 'nothing of the kind, and longer than a header')
  expect(() => packetsIn(join(folder, 'x'))).toThrow('is no capture of packets')
})

const to = (address: string, toPort: number | null = null): Packet => ({
  protocol: address.includes(':') ? 'IPv6' : 'IPv4',
  from: '10.0.2.15',
  to: address,
  toPort,
})

test.each([
  to('10.0.2.2', 67),
  to('255.255.255.255', 67),
  to('224.0.0.251', 5353),
  to('239.255.77.77', 7447),
  to('ff02:0:0:0:0:0:0:2'),
  // The group of the beacons.
  to('ff12:0:0:0:0:0:686f:6c64', 7447),
  to('fe80:0:0:0:5054:ff:fe12:3456', 443),
])('$to port $toPort is of the LAN', (packet) => {
  expect(strayPackets([packet])).toEqual([])
})

test.each([
  [to('192.0.2.1', 443), 'outside the LAN'],
  [to('10.1.0.1', 443), 'outside the LAN'],
  [to('224.0.1.1', 123), 'outside the LAN'],
  [to('2001:db8:0:0:0:0:0:1', 443), 'outside the LAN'],
  [to('ff0e:0:0:0:0:0:0:101', 123), 'outside the LAN'],
  [to('10.0.2.3', 53), 'asks for a name'],
  [to('10.0.2.2', 123), 'asks for the time'],
])('a packet is found: %j', (packet, reason) => {
  expect(strayPackets([packet]).join()).toContain(reason)
})
