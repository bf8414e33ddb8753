/** What `login` remembers, one file per profile under $XDG_CONFIG_HOME/holdfast, readable by its owner only. */
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writePrivateFile } from '@holdfast/api/client/node-key-file'
import { z } from 'zod'
import { readEnvironment } from '../config/env.ts'
import { CommandError, UsageError } from './errors.ts'

const profileSchema = z.object({
  /** The node's address. */
  url: z.string(),
  user: z.string(),
  personId: z.string(),
  /** PEM of the facility's CA: the only one that this profile trusts. */
  ca: z.string(),
  /** Session token; null after `logout`. */
  token: z.string().nullable(),
  /** Whether the token works only together with the device key beside the profile. */
  bound: z.boolean(),
  /** Whether the key was enrolled, so that the next login proves it at once. */
  enrolled: z.boolean(),
})
export type Profile = z.infer<typeof profileSchema>

export const defaultProfile = 'default'

/** @throws UsageError for a name that is no file name. */
export function profilePaths(name: string): { profile: string; key: string } {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name))
    throw new UsageError(
      `"${name}" cannot be a profile's name: use letters, digits, dot, hyphen and underscore.`,
    )
  const { configHome, home } = readEnvironment()
  const base = configHome ?? (home === null ? null : join(home, '.config'))
  if (base === null)
    throw new CommandError(
      'There is no place for profiles: set XDG_CONFIG_HOME or HOME to a folder of yours.',
    )
  const folder = join(base, 'holdfast')
  return { profile: join(folder, `${name}.json`), key: join(folder, `${name}.key`) }
}

/** The profile, or null when there is none of this name. */
export async function loadProfile(name: string): Promise<Profile | null> {
  const { profile: path } = profilePaths(name)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new CommandError(`The profile ${path} cannot be read: ${(cause as Error).message}.`, { cause })
  }
  try {
    return profileSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new CommandError(`The profile ${path} is damaged. Remove it and log in again.`, { cause })
  }
}

export async function saveProfile(name: string, profile: Profile): Promise<void> {
  const { profile: path } = profilePaths(name)
  await mkdir(join(path, '..'), { recursive: true, mode: 0o700 })
  await writePrivateFile(path, `${JSON.stringify(profile, null, 2)}\n`)
}

/** Forgets the device key, for example of a revoked device. */
export async function removeKey(name: string): Promise<void> {
  await rm(profilePaths(name).key, { force: true })
}
