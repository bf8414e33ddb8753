import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { BeaconReceiver } from './beacon-receiver.ts'
import { txtRecord } from './mdns-records.ts'
import { discoverySettingsSchema } from './settings.ts'

const path = '../../../../../docs/reference/discovery.md'
const reference = readFileSync(new URL(path, import.meta.url), 'utf8')

describe('docs/reference/discovery.md', () => {
  it.each(Object.entries(discoverySettingsSchema.shape))(
    'describes the setting %s as the schema does',
    (name, schema) => {
      const row = reference.split('\n').find((line) => line.startsWith(`| \`${name}\` |`))
      const [start] = (schema.description ?? '').split(/[.;]/)
      expect(row).toContain(start?.replace(' picks exactly those', ''))
    },
  )

  it('names every reason for which a datagram is dropped', () => {
    for (const reason of Object.keys(new BeaconReceiver().dropped))
      expect(reference).toContain(`| \`${reason}\` |`)
  })

  it('names every key of the TXT record', () => {
    const fields = { id: '', facility: '', version: '', ca: '', key: '', path: '', proto: '' }
    for (const key of Object.keys(txtRecord(fields))) expect(reference).toContain(`| \`${key}\` |`)
  })
})
