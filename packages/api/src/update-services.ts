/** Updates of the machine that a node runs on. All times are milliseconds since 1970. */
import type { UpdateInstall, UpdateUpload } from './contract/update-inputs.ts'
import type { Caller } from './services.ts'

export interface UpdateEventView {
  phase: 'installed' | 'trial' | 'confirmed' | 'rolled-back' | 'refused' | 'failed'
  from: string
  to: string
  by: string
  /** Why it ended as it did; null: as it should. */
  reason: string | null
  at: number
}

export interface UpdateStatusView {
  version: string
  /** Only the appliance installs bundles by itself. */
  canInstall: boolean
  slot: 'A' | 'B' | null
  /** Whether an update was asked for and has not begun. */
  requested: boolean
  /** Newest first. */
  history: UpdateEventView[]
}

export interface UpdateFindingView {
  check: string
  level: 'ok' | 'warn' | 'stop'
  found: string
  mend: string | null
}

export interface UpdateCheckView {
  id: string
  version: string
  date: string
  /** Release notes, Markdown. */
  notes: string
  findings: UpdateFindingView[]
}

export interface UpdatesService {
  status(): UpdateStatusView
  /** @returns bytes there are now */
  upload(value: UpdateUpload, caller: Caller): Promise<{ bytes: number }>
  /** Checks what was uploaded, and the machine. */
  check(caller: Caller): Promise<UpdateCheckView>
  /** Asks the machine to install what was uploaded and checked. */
  install(value: UpdateInstall, caller: Caller): Promise<void>
}
