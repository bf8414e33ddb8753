import { HoldfastError } from '@holdfast/api/contract/errors'
import type { Command } from 'commander'
import { print, printJson } from './output.ts'
import { loadProfile, saveProfile } from './profile.ts'
import { openRemote, type RemoteFlags, remoteCommand } from './remote.ts'

export function logoutCommand(): Command {
  return remoteCommand('logout').action(logout)
}

async function logout(flags: RemoteFlags): Promise<void> {
  const profile = await loadProfile(flags.profile)
  if (profile?.token != null) {
    await using remote = await openRemote(flags)
    try {
      await remote.api.auth.logout.mutate()
    } catch (error) {
      // A session that has ended by itself is what was asked for.
      if (!(error instanceof HoldfastError)) throw error
    }
    await saveProfile(flags.profile, { ...profile, token: null, bound: false })
  }
  if (flags.json) printJson({ profile: flags.profile, loggedIn: false })
  else print('Logged out.')
}
