/** What every command that talks to a node needs: the profile, the API, the messaging client. */
import { hostname } from 'node:os'
import type { Client, ClientOptions } from '@holdfast/api/client'
import type { Api } from '@holdfast/api/client/api'
import type { DeviceKey } from '@holdfast/api/client/device-key'
import { Command } from 'commander'
import { CommandError } from './errors.ts'
import { findNodes } from './nodes.ts'
import { note } from './output.ts'
import { defaultProfile, loadProfile, type Profile, profilePaths, rememberUrls } from './profile.ts'
import { version } from './version.ts'

/** The flags of all these commands. */
export interface RemoteFlags {
  profile: string
  json?: boolean
}

/** A command with the flags of all that talk to a node. */
export function remoteCommand(name: string): Command {
  return new Command(name)
    .option('--profile <name>', 'whose login to use', defaultProfile)
    .option('--json', 'print JSON: one value, or one per line')
}

export interface Remote extends AsyncDisposable {
  profile: Profile
  api: Api
  /** Opens the messaging connection; closed together with the remote. */
  connect(options?: Partial<ClientOptions>): Promise<Client>
}

/** How this machine is called in the device registry. */
export function deviceName(): string {
  return `holdfast on ${hostname()}`.slice(0, 120)
}

/** How this program calls itself to nodes. */
export function programName(): string {
  return `holdfast-cli/${version()}`
}

/** Attempts to reach each node before a command gives up. */
const firstAttempts = 3

/**
 * @param only address of the one node to talk to, for commands that are about that node
 * @throws CommandError when nobody has logged in with this profile.
 */
export async function openRemote(flags: RemoteFlags, only?: string): Promise<Remote> {
  const profile = await loadProfile(flags.profile)
  if (profile?.token == null) {
    const hint = flags.profile === defaultProfile ? '' : ` --profile ${flags.profile}`
    throw new CommandError(
      `You are not logged in. Run: holdfast login --url https://NODE:7443 --user NAME${hint}`,
    )
  }
  const { token, ca } = profile
  const deviceKey = await keyOf(flags.profile, profile)
  const [{ createApi }, { createNodeFetch, connectNode }, { NodeList }] = await Promise.all([
    import('@holdfast/api/client/api'),
    import('@holdfast/api/client/node'),
    import('@holdfast/api/client/node-list'),
  ])
  const nodes =
    only === undefined ? new NodeList(profile.urls, { discover: () => findNodes(ca) }) : new NodeList([only])
  const userAgent = programName()
  const fetch = createNodeFetch({ ca, userAgent })
  const credentials = { token, ...(deviceKey ? { deviceKey } : {}) }
  let client: Client | undefined
  return {
    profile,
    api: createApi({ urls: nodes, fetch, ...credentials }),
    async connect(options = {}) {
      client = connectNode({
        urls: nodes,
        ca,
        program: userAgent,
        userAgent,
        firstAttempts,
        ...credentials,
        ...options,
      })
      await client.live()
      return client
    },
    async [Symbol.asyncDispose]() {
      client?.close()
      fetch[Symbol.dispose]()
      if (only === undefined)
        await rememberUrls(flags.profile, profile, nodes.urls).catch((error: Error) => note(error.message))
    },
  }
}

async function keyOf(name: string, profile: Profile): Promise<DeviceKey | null> {
  if (!profile.bound) return null
  const { key: path } = profilePaths(name)
  const { loadKeyFile } = await import('@holdfast/api/client/node-key-file')
  const key = await loadKeyFile(path)
  if (!key) throw new CommandError(`The device key ${path} of this login is missing. Log in again.`)
  return key
}
