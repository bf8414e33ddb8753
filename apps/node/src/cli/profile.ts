/** What `login` remembers, one file per profile under $XDG_CONFIG_HOME/holdfast, readable by its owner only. */
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writePrivateFile } from '@holdfast/api/client/node-key-file'
import * as z from 'zod'
import { readEnvironment } from '../config/env.ts'
import { CommandError, UsageError } from './errors.ts'

/** Addresses that a profile keeps. */
const maxUrls = 16

const profileSchema = z.object({
  /** Addresses of the facility's nodes, the one that answered last first. */
  urls: z.array(z.string()).min(1).max(maxUrls),
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
    return profileSchema.parse(ofOneNode(JSON.parse(text)))
  } catch (cause) {
    throw new CommandError(`The profile ${path} is damaged. Remove it and log in again.`, { cause })
  }
}

export async function saveProfile(name: string, profile: Profile): Promise<void> {
  const { profile: path } = profilePaths(name)
  await mkdir(join(path, '..'), { recursive: true, mode: 0o700 })
  await writePrivateFile(path, `${JSON.stringify(profile, null, 2)}\n`)
}

/** What a version that knew one node only has written. */
function ofOneNode(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('url' in value)) return value
  const { url, ...rest } = value
  return { urls: [url], ...rest }
}

/**
 * Keeps the nodes that a command has learnt of, so that the next one finds another when the first is gone. A login or
 * logout that came between is left alone.
 */
export async function rememberUrls(name: string, known: Profile, urls: readonly string[]): Promise<void> {
  const kept = urls.slice(0, maxUrls)
  if (kept.join() === known.urls.join()) return
  const now = await loadProfile(name)
  if (now !== null && now.token === known.token) await saveProfile(name, { ...now, urls: kept })
}

/** Forgets the device key, for example of a revoked device. */
export async function removeKey(name: string): Promise<void> {
  await rm(profilePaths(name).key, { force: true })
}
