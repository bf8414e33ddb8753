/** Reads captured packets and finds those that a machine without the internet must not send. */
import { readFileSync } from 'node:fs'

export interface Packet {
  protocol: 'IPv4' | 'IPv6'
  /** Text as of RFC 5952, IPv6 without shortening. */
  from: string
  to: string
  /** Null for protocols without ports. */
  toPort: number | null
}

/** pcap's own file format (draft-ietf-opsawg-pcap), little-endian, microseconds, Ethernet. */
const magic = 0xa1b2c3d4
const fileHeaderBytes = 24
const packetHeaderBytes = 16
const etherTypes: Record<number, Packet['protocol']> = { 2048: 'IPv4', 34525: 'IPv6' }
const [tcp, udp] = [6, 17]

/** What it captured of IP. A packet that was still being written when the file was read is left out. */
export function packetsIn(file: string): Packet[] {
  const bytes = readFileSync(file)
  if (bytes.length < fileHeaderBytes || bytes.readUInt32LE(0) !== magic)
    throw new Error(`${file} is no capture of packets`)
  const packets: Packet[] = []
  for (let at = fileHeaderBytes; at + packetHeaderBytes <= bytes.length; ) {
    const length = bytes.readUInt32LE(at + 8)
    const frame = bytes.subarray(at + packetHeaderBytes, at + packetHeaderBytes + length)
    const packet = frame.length === length ? ipPacket(frame) : null
    if (packet !== null) packets.push(packet)
    at += packetHeaderBytes + length
  }
  return packets
}

function ipPacket(frame: Buffer): Packet | null {
  if (frame.length < 14) return null
  const protocol = etherTypes[frame.readUInt16BE(12)]
  const ip = frame.subarray(14)
  if (protocol === 'IPv4' && ip.length >= 20) {
    const headerBytes = (ip[0]! & 0x0f) * 4
    const [from, to] = [ip.subarray(12, 16), ip.subarray(16, 20)].map((each) => [...each].join('.'))
    return { protocol, from: from!, to: to!, toPort: portOf(ip[9]!, ip.subarray(headerBytes)) }
  }
  if (protocol === 'IPv6' && ip.length >= 40) {
    const text = (start: number) =>
      Array.from({ length: 8 }, (_, index) => ip.readUInt16BE(start + index * 2).toString(16)).join(':')
    return { protocol, from: text(8), to: text(24), toPort: portOf(ip[6]!, ip.subarray(40)) }
  }
  return null
}

const portOf = (protocol: number, payload: Buffer): number | null =>
  (protocol === tcp || protocol === udp) && payload.length >= 4 ? payload.readUInt16BE(2) : null

/** This host, everybody, groups of the LAN (RFC 5771, RFC 2365) and their like in IPv6; the LAN of QEMU's own router. */
const local =
  /^(10\.0\.|127\.|0\.0\.0\.0$|255\.255\.255\.255$|169\.254\.|224\.0\.0\.|239\.)|^(fe[89ab][0-9a-f]:|ff[01][0-5]:|fec0:)|^0:0:0:0:0:0:0:[01]$/
/** Names are asked for, and the time, only of what the facility itself has. */
const outsidePorts = new Map([
  [53, 'asks for a name'],
  [853, 'asks for a name'],
  [123, 'asks for the time'],
])

/** One line for each packet that goes to elsewhere, or asks for what no facility gives; none is what must be. */
export function strayPackets(packets: readonly Packet[]): string[] {
  return packets.flatMap(({ from, to, toPort }) => {
    const where = `${from} sent to ${to}${toPort === null ? '' : ` port ${toPort}`}`
    if (!local.test(to)) return [`${where}, which is outside the LAN`]
    const asks = toPort === null ? undefined : outsidePorts.get(toPort)
    return asks ? [`${where}, which ${asks}`] : []
  })
}
