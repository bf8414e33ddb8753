import { type Action, allowed, type Role } from '@holdfast/api/contract/policy'
import { ClusterIcon } from '@patternfly/react-icons/dist/esm/icons/cluster-icon'
import { CogIcon } from '@patternfly/react-icons/dist/esm/icons/cog-icon'
import { CommentsIcon } from '@patternfly/react-icons/dist/esm/icons/comments-icon'
import { HashtagIcon } from '@patternfly/react-icons/dist/esm/icons/hashtag-icon'
import { HistoryIcon } from '@patternfly/react-icons/dist/esm/icons/history-icon'
import { LaptopIcon } from '@patternfly/react-icons/dist/esm/icons/laptop-icon'
import { TachometerAltIcon } from '@patternfly/react-icons/dist/esm/icons/tachometer-alt-icon'
import { UserCheckIcon } from '@patternfly/react-icons/dist/esm/icons/user-check-icon'
import { UsersIcon } from '@patternfly/react-icons/dist/esm/icons/users-icon'
import type { ComponentType } from 'react'
import { paths } from '../../lib/paths.ts'

interface Entry {
  path: string
  title: string
  icon: ComponentType
  /** The page is shown to whoever may do this. */
  action: Action
}

/** The pages by group, in the order of the sidebar. */
const groups: { title: string; entries: Entry[] }[] = [
  {
    title: 'Node',
    entries: [
      { path: paths.overview(), title: 'Overview', icon: TachometerAltIcon, action: 'overview.status' },
      { path: paths.cluster(), title: 'Cluster', icon: ClusterIcon, action: 'cluster.status' },
    ],
  },
  {
    title: 'Talk',
    entries: [
      { path: paths.messages(), title: 'Messages', icon: CommentsIcon, action: 'frame.send' },
      { path: paths.presence(), title: 'Presence', icon: UserCheckIcon, action: 'presence.list' },
    ],
  },
  {
    title: 'Manage',
    entries: [
      { path: paths.people(), title: 'People & groups', icon: UsersIcon, action: 'people.get' },
      { path: paths.devices(), title: 'Devices', icon: LaptopIcon, action: 'devices.list' },
      { path: paths.channels(), title: 'Channels', icon: HashtagIcon, action: 'channels.listAll' },
      { path: paths.audit(), title: 'Audit', icon: HistoryIcon, action: 'audit.search' },
      { path: paths.settings(), title: 'Settings', icon: CogIcon, action: 'auth.me' },
    ],
  },
]

/** The groups of the sidebar that `role` has anything in. */
export function navigationFor(role: Role) {
  return groups
    .map((group) => ({ ...group, entries: group.entries.filter((entry) => allowed(entry.action, role)) }))
    .filter((group) => group.entries.length > 0)
}

/** The action that shows the page at `path`; null for a page that everybody has. */
export function actionOfPage(path: string): Action | null {
  return groups.flatMap((group) => group.entries).find((entry) => entry.path === path)?.action ?? null
}

/** Where somebody of this role begins: the node's state for staff, the messages for everybody else. */
export function homeOf(role: Role): string {
  if (allowed('overview.status', role)) return paths.overview()
  return allowed('frame.send', role) ? paths.messages() : paths.settings()
}
