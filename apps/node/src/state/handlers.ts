import { auditHandlers } from '../services/audit/commands.ts'
import { authHandlers } from '../services/auth/commands.ts'
import { backupHandlers } from '../services/backup/commands.ts'
import { channelHandlers } from '../services/channels/commands.ts'
import { clusterHandlers } from '../services/cluster/commands.ts'
import { deviceHandlers } from '../services/devices/commands.ts'
import { identityHandlers } from '../services/identity/commands.ts'
import { settingsHandlers } from '../services/settings/commands.ts'
import { rolloutHandlers } from '../services/updates/commands.ts'
import type { Handler } from './applying.ts'

/** Every control command of the log. A name that was in a release is never given another meaning. */
export const handlers = {
  ...identityHandlers,
  ...authHandlers,
  ...channelHandlers,
  ...deviceHandlers,
  ...settingsHandlers,
  ...clusterHandlers,
  ...auditHandlers,
  ...backupHandlers,
  ...rolloutHandlers,
} as unknown as Record<string, Handler<unknown>>
/** The payload of each control command, for those who propose them. */
type Table = typeof identityHandlers &
  typeof authHandlers &
  typeof channelHandlers &
  typeof deviceHandlers &
  typeof settingsHandlers &
  typeof auditHandlers &
  typeof backupHandlers &
  typeof rolloutHandlers &
  typeof clusterHandlers
export type ControlName = keyof Table
export type ControlPayload<N extends ControlName> = Table[N] extends Handler<infer P> ? P : never

/** Commands that came after the first release, with the version they came in; nodes before it do not understand them. */
const later: Readonly<Partial<Record<ControlName, string>>> = {}

/** Version from which on nodes understand a command. */
export function understoodSince(command: string): string {
  return later[command as ControlName] ?? '0.0.0'
}
