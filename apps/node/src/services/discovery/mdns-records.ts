/** DNS-SD (RFC 6763) on both sides: the TXT record that announces this node, and others' records read. */
import { isIP } from 'node:net'
import * as z from 'zod'
import { announcedNameSchema, cutName, fingerprintSchema, nodeIdSchema } from './beacon.ts'
import type { PeerInfo } from './peer-map.ts'

export const SERVICE_TYPE = '_holdfast._tcp.local'
/** One string of a TXT record, key and value together (RFC 6763 section 6.1). */
export const TXT_PAIR_BYTES_MAX = 255
/** A TXT record should fit one Ethernet packet with the rest of the answer (RFC 6763 section 6.2). */
export const TXT_BYTES_MAX = 1300
/** Instances and addresses read from one packet; a packet with more is not one of ours. */
const INSTANCES_PER_PACKET_MAX = 32
const ADDRESSES_PER_HOST_MAX = 8

/** The parts of a decoded packet that are read here; everything else is left alone. */
export type DnsRecord = { name: string; type: string; ttl?: number; data?: unknown; flush?: boolean }
export type DnsPacket = { answers?: DnsRecord[]; additionals?: DnsRecord[]; questions?: DnsRecord[] }

export type TxtFields = {
  id: string
  facility: string
  version: string
  /** SHA-256 of the CA certificate and of the node's public key, hex. */
  ca: string
  key: string
  /** Path of the client protocol and its version. */
  path: string
  proto: string
}

/**
 * The TXT record in the order in which it is sent. `txtvers` comes first (RFC 6763 section 6.7). Values are cut so
 * that no pair exceeds 255 bytes.
 */
export function txtRecord(fields: TxtFields): Record<string, string> {
  const record: Record<string, string> = { txtvers: '1' }
  for (const [key, value] of Object.entries(fields))
    record[key] = cutName(value, TXT_PAIR_BYTES_MAX - key.length - 1)
  return record
}

/** Instance label of a node: its name and the start of its key's fingerprint, so that equal names do not collide. */
export function instanceName(nodeName: string, keyFingerprint: string): string {
  const tag = ` (${keyFingerprint.slice(0, 8)})`
  // A dot would end the DNS label in the library, which does not escape it.
  return cutName(nodeName.replaceAll('.', '-'), 63 - tag.length) + tag
}

/** Host name of a node's own. `<hostname>.local` belongs to avahi, which would rename itself on a conflict. */
export function hostName(keyFingerprint: string): string {
  return `holdfast-${keyFingerprint.slice(0, 16)}.local`
}

const txtSchema = z.object({
  id: nodeIdSchema,
  facility: announcedNameSchema.optional(),
  version: z
    .string()
    .regex(/^[\x21-\x7e]{1,32}$/)
    .optional(),
  ca: fingerprintSchema.optional(),
  key: fingerprintSchema.optional(),
})
const srvSchema = z.object({ port: z.int().min(1).max(65_535), target: z.string().min(1).max(255) })

export type MdnsSeen = { instance: string; info: PeerInfo }
export type MdnsNews = { seen: MdnsSeen[]; gone: string[]; malformed: number }

/** Reads the `_holdfast._tcp` instances out of a response. Never throws; what is not valid is counted. */
export function readResponse(packet: DnsPacket): MdnsNews {
  const news: MdnsNews = { seen: [], gone: [], malformed: 0 }
  const records = [...(packet.answers ?? []), ...(packet.additionals ?? [])]
  const pointers = records.filter((record) => record.type === 'PTR' && sameName(record.name, SERVICE_TYPE))
  for (const pointer of pointers.slice(0, INSTANCES_PER_PACKET_MAX)) {
    if (typeof pointer.data !== 'string') continue
    if (pointer.ttl === 0) {
      news.gone.push(pointer.data.toLowerCase())
      continue
    }
    const seen = readInstance(pointer.data, records)
    if (seen) news.seen.push(seen)
    else news.malformed += 1
  }
  return news
}

function readInstance(instance: string, records: DnsRecord[]): MdnsSeen | undefined {
  const find = (type: string) =>
    records.find((record) => record.type === type && record.ttl !== 0 && sameName(record.name, instance))
      ?.data
  const srv = srvSchema.safeParse(find('SRV'))
  const txt = txtSchema.safeParse(readTxt(find('TXT')))
  if (!srv.success || !txt.success || !instance.toLowerCase().endsWith(`.${SERVICE_TYPE}`)) return undefined
  const { id, facility, version, ca, key } = txt.data
  const label = cutName(instance.slice(0, -SERVICE_TYPE.length - 1))
  return {
    instance: instance.toLowerCase(),
    info: {
      nodeId: id,
      nodeName: label.replace(/ \([0-9a-f]{8}\)$/, ''),
      port: srv.data.port,
      addresses: addressesOf(srv.data.target, records),
      ...(facility !== undefined && { facility }),
      ...(version !== undefined && { version }),
      ...(ca !== undefined && { caFingerprint: ca }),
      ...(key !== undefined && { keyFingerprint: key }),
    },
  }
}

function addressesOf(host: string, records: DnsRecord[]): string[] {
  const addresses = records
    .filter(({ type, name }) => (type === 'A' || type === 'AAAA') && sameName(name, host))
    .map((record) => record.data)
    .filter((data): data is string => typeof data === 'string' && isIP(data) !== 0)
  const sorted = [...new Set(addresses)].sort((a, b) => isIP(a) - isIP(b))
  return sorted.slice(0, ADDRESSES_PER_HOST_MAX)
}

/** Keys are compared without case and the first of equal ones counts (RFC 6763 section 6.4). */
function readTxt(data: unknown): Record<string, string> {
  const pairs = new Map<string, string>()
  for (const item of Array.isArray(data) ? data : [data]) {
    if (!Buffer.isBuffer(item) || item.length > TXT_PAIR_BYTES_MAX) continue
    const text = item.toString('utf8')
    const split = text.indexOf('=')
    if (split < 1) continue
    const key = text.slice(0, split).toLowerCase()
    if (!pairs.has(key)) pairs.set(key, text.slice(split + 1))
  }
  return Object.fromEntries(pairs)
}

/** DNS names are equal without regard to ASCII case (RFC 6762 section 16). */
const sameName = (a: string, b: string) => a.toLowerCase() === b.toLowerCase()
