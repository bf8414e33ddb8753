'use client'

import { Label, type LabelProps } from '@patternfly/react-core'

/** Every state that the UI shows as a label: its colour, its word and its icon, in one place. */
const looks = {
  online: { status: 'success', text: 'Online' },
  away: { status: 'warning', text: 'Away' },
  offline: { color: 'grey', text: 'Offline' },
  active: { status: 'success', text: 'Active' },
  suspended: { status: 'warning', text: 'Suspended' },
  erased: { color: 'grey', text: 'Erased' },
  locked: { status: 'danger', text: 'Locked out' },
  pending: { status: 'info', text: 'Pending' },
  approved: { status: 'success', text: 'Approved' },
  revoked: { status: 'danger', text: 'Revoked' },
  archived: { color: 'grey', text: 'Archived' },
  done: { status: 'success', text: 'Done' },
  refused: { status: 'danger', text: 'Refused' },
  ok: { status: 'success', text: 'OK' },
  info: { status: 'info', text: 'Notice' },
  warning: { status: 'warning', text: 'Warning' },
  alert: { status: 'danger', text: 'Alert' },
  live: { status: 'success', text: 'Live' },
  stale: { status: 'warning', text: 'Stale' },
  joining: { status: 'info', text: 'Joining' },
  restoring: { status: 'info', text: 'Restoring' },
  diverged: { status: 'danger', text: 'Diverged' },
  unreachable: { status: 'danger', text: 'Unreachable' },
} as const satisfies Record<
  string,
  { text: string; status?: LabelProps['status']; color?: LabelProps['color'] }
>

export type StatusName = keyof typeof looks

interface StatusLabelProps {
  status: StatusName
  /** Another word than the usual one. */
  children?: string
}

/** A state as a word with colour and icon, so that it is never told by colour alone. */
export function StatusLabel({ status, children }: StatusLabelProps) {
  const { text, ...look } = looks[status]
  return (
    <Label isCompact variant="outline" {...look}>
      {children ?? text}
    </Label>
  )
}
