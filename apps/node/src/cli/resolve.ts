/** Names on the command line to the ids that procedures take. */
import type { Api } from '@holdfast/api/client/api'
import { limits } from '@holdfast/api/contract/limits'
import { idSchema } from '@holdfast/api/contract/names'
import type { ChannelView, DeviceView, GroupView, PersonView } from '@holdfast/api/services'
import { CommandError } from './errors.ts'

const limit = limits.listRows

export function isId(reference: string): boolean {
  return idSchema.safeParse(reference).success
}

/** `a,b` as a list; empty parts are left out. */
export function names(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((name) => name.trim().replace(/^@/, ''))
    .filter((name) => name !== '')
}

export async function findPerson(api: Api, reference: string): Promise<PersonView> {
  const name = reference.replace(/^@/, '')
  if (isId(name)) return api.people.get.query({ id: name })
  const { rows } = await api.people.list.query({ text: name, limit })
  return found(rows, (row) => row.name === name.toLowerCase(), `There is no person called ${name}.`)
}

export async function findGroup(api: Api, reference: string): Promise<GroupView> {
  const { rows } = await api.groups.list.query({ ...(isId(reference) ? {} : { text: reference }), limit })
  const matches = (row: GroupView): boolean => row.id === reference || row.name === reference.toLowerCase()
  return found(rows, matches, `There is no group called ${reference}.`)
}

/** A channel the caller is in or may join; with `all`, any that is not direct. `@name` is the direct one. */
export async function findChannel(
  api: Api,
  reference: string,
  options: { all?: boolean } = {},
): Promise<ChannelView> {
  if (reference.startsWith('@')) return api.channels.direct.mutate({ person: reference.slice(1) })
  if (isId(reference)) return api.channels.get.query({ id: reference })
  const name = reference.replace(/^#/, '').toLowerCase()
  const query = { text: name, limit }
  const { rows } = options.all
    ? await api.channels.listAll.query(query)
    : await api.channels.list.query(query)
  return found(rows, (row) => row.name === name, `There is no channel called ${name} that you can see.`)
}

/** A device by id, or by name where only one is called so. */
export async function findDevice(api: Api, reference: string): Promise<DeviceView> {
  if (isId(reference)) return api.devices.get.query({ id: reference })
  const { rows } = await api.devices.list.query({ text: reference, limit })
  const named = rows.filter((row) => row.name === reference && row.status !== 'revoked')
  if (named.length > 1)
    throw new CommandError(
      `${named.length} devices are called "${reference}". Name one by its id: ${named.map((row) => row.id).join(', ')}.`,
    )
  return found(named, () => true, `There is no device called "${reference}".`)
}

function found<T>(rows: readonly T[], matches: (row: T) => boolean, otherwise: string): T {
  const row = rows.find(matches)
  if (!row) throw new CommandError(otherwise)
  return row
}
