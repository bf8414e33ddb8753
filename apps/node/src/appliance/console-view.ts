/** What the console shows, as text: facts in, lines out. Facts from elsewhere cannot make a line of their own. */
import { oneLine } from '../cli/output.ts'

export interface MachineFacts {
  version: string
  slot: string | null
  hostName: string
  /** Addresses under which browsers reach the node. */
  addresses: readonly string[]
  port: number
  /** null: the node serves; else why not. */
  fault: string | null
  facility: string | null
  nodeName: string | null
  caFingerprint: string | null
  /** What the set-up that was offered without a person has come to; null: none was, or the node is set up. */
  setup: string | null
  /** The one-time code; null once the node is set up. */
  setupCode: string | null
  /** What the newest update came to, for people; null: nothing to say. */
  update: string | null
}

export const menu = [
  { key: '1', title: 'Network' },
  { key: '2', title: 'Restart' },
  { key: '3', title: 'Check and recover' },
  { key: '4', title: 'Factory reset' },
] as const

/** A fingerprint of 32 bytes is too long for one line of 80 columns. */
const bytesPerLine = 16

export function screenLines(facts: MachineFacts): string[] {
  const lines = [
    oneLine(`Holdfast ${facts.version}${facts.slot ? `, slot ${facts.slot}` : ''} on ${facts.hostName}`),
    '',
    ...row('State', facts.fault === null ? 'serving' : `not serving: ${facts.fault}`),
  ]
  if (facts.facility) lines.push(...row('Facility', `${facts.facility}, node ${facts.nodeName ?? '-'}`))
  const addresses = facts.addresses.map((address) => url(address, facts.port))
  lines.push(
    ...row('Address', ...(addresses.length > 0 ? addresses : ['none yet: is the network cable in?'])),
  )
  lines.push(...row('CA fingerprint', ...fingerprintLines(facts.caFingerprint)))
  if (facts.setup) lines.push(...row('Set-up', facts.setup))
  if (facts.setupCode !== null)
    lines.push(
      ...row('Set-up code', facts.setupCode),
      '',
      '  Open the address in a browser, compare the fingerprint, enter the code.',
    )
  if (facts.update) lines.push(...row('Update', facts.update))
  lines.push('', `  ${menu.map(({ key, title }) => `[${key}] ${title}`).join('   ')}`)
  return lines
}

function row(name: string, ...values: string[]): string[] {
  return values.map((value, index) => `  ${(index === 0 ? name : '').padEnd(15)} ${oneLine(value)}`)
}

function url(address: string, port: number): string {
  const host = address.includes(':') ? `[${address}]` : address
  return `https://${host}${port === 443 ? '' : `:${port}`}/`
}

function fingerprintLines(fingerprint: string | null): string[] {
  if (fingerprint === null) return ['not made yet']
  const bytes = fingerprint.split(':')
  const lines: string[] = []
  for (let at = 0; at < bytes.length; at += bytesPerLine)
    lines.push(bytes.slice(at, at + bytesPerLine).join(':'))
  return lines
}
