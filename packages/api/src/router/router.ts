import {
  audit,
  devices,
  discovery,
  groups,
  messages,
  overview,
  presence,
  settings,
} from './administration.ts'
import { auth, setup } from './auth.ts'
import { backups } from './backups.ts'
import { channels } from './channels.ts'
import { cluster } from './cluster.ts'
import { people } from './people.ts'
import { router } from './trpc.ts'
import { updates } from './updates.ts'

export const appRouter = router({
  setup,
  auth,
  overview,
  presence,
  people,
  groups,
  channels,
  messages,
  devices,
  audit,
  settings,
  discovery,
  cluster,
  backups,
  updates,
})
export type AppRouter = typeof appRouter
