import { clusterAdd } from '@holdfast/api/contract/cluster-inputs'

const placeSchema = clusterAdd.pick({ address: true, port: true })

/** Reads `host`, `host:port`, `[IPv6]:port`, a bare IPv6 address, or a whole https:// address; null: none of these. */
export function parsePlace(text: string): { address: string; port: number } | null {
  const bare = text
    .trim()
    .replace(/^https:\/\//i, '')
    .replace(/\/.*$/, '')
  const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(bare)
  const plain = /^([^:]+)(?::(\d{1,5}))?$/.exec(bare)
  const [, address = bare, port] = bracketed ?? plain ?? []
  const parsed = placeSchema.safeParse({ address, ...(port === undefined ? {} : { port: Number(port) }) })
  return parsed.success ? parsed.data : null
}

export function checkPlace(text: string): string | null {
  if (text.trim() === '') return 'Write the address of the new node.'
  return parsePlace(text) === null ? 'Write an address such as 10.0.0.2 or 10.0.0.2:7443.' : null
}
