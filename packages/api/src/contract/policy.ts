/** The one table of who may do what. Anything not in it is refused. */
export const roles = ['owner', 'security', 'operator', 'installer', 'auditor', 'helpdesk', 'member'] as const
export type Role = (typeof roles)[number]

export const roleTitles: Record<Role, string> = {
  owner: 'Owner',
  security: 'Security officer',
  operator: 'Operator',
  installer: 'Installer',
  auditor: 'Auditor',
  helpdesk: 'Helpdesk',
  member: 'Member',
}

const all = roles
const staff: readonly Role[] = ['owner', 'security', 'operator', 'helpdesk']
/** Everybody but auditor and installer, who do not take part in talk. */
const talkers: readonly Role[] = ['owner', 'security', 'operator', 'helpdesk', 'member']

/**
 * `public`: without a session. `session`: any signed-in person. Otherwise the roles that may.
 * A tRPC procedure's action is its path; a protocol frame's action is `frame.<type>`.
 */
export const policy = {
  'setup.state': 'public',
  'setup.checkCode': 'public',
  'setup.complete': 'public',
  'auth.login': 'public',
  'auth.recover': 'public',
  'auth.logout': 'session',
  'auth.me': 'session',
  'auth.changePassword': 'session',
  'auth.renewRecoveryCodes': ['owner'],
  'auth.sessions': 'session',
  'auth.endSession': 'session',
  'overview.status': ['owner', 'security', 'operator', 'installer', 'auditor', 'helpdesk'],
  'overview.live': ['owner', 'security', 'operator', 'installer', 'auditor', 'helpdesk'],
  'presence.list': talkers,
  'presence.live': talkers,
  'presence.here': 'session',
  'people.list': talkers,
  'people.get': staff,
  'people.add': ['owner', 'security', 'helpdesk'],
  'people.update': ['owner', 'security', 'helpdesk'],
  'people.setRole': ['owner', 'security'],
  'people.setPassword': ['owner', 'security', 'helpdesk'],
  'people.suspend': ['owner', 'security', 'helpdesk'],
  'people.resume': ['owner', 'security', 'helpdesk'],
  'people.erase': ['owner'],
  'people.unlock': ['owner', 'security', 'helpdesk'],
  'people.endSessions': ['owner', 'security', 'helpdesk'],
  'people.importCsv': ['owner', 'security'],
  'groups.list': talkers,
  'groups.create': ['owner', 'security', 'operator', 'helpdesk'],
  'groups.update': ['owner', 'security', 'operator', 'helpdesk'],
  'groups.remove': ['owner', 'security', 'operator'],
  'groups.addMembers': ['owner', 'security', 'operator', 'helpdesk'],
  'groups.removeMembers': ['owner', 'security', 'operator', 'helpdesk'],
  'channels.list': talkers,
  'channels.listAll': ['owner', 'security', 'operator'],
  'channels.get': talkers,
  'channels.create': ['owner', 'security', 'operator', 'helpdesk'],
  'channels.direct': talkers,
  'channels.update': ['owner', 'security', 'operator'],
  'channels.archive': ['owner', 'security', 'operator'],
  'channels.unarchive': ['owner', 'security', 'operator'],
  'channels.addMembers': talkers,
  'channels.removeMembers': talkers,
  'channels.setMemberRole': talkers,
  'channels.join': talkers,
  'channels.leave': talkers,
  'messages.page': talkers,
  'messages.search': talkers,
  'messages.marks': talkers,
  'devices.challenge': 'session',
  'devices.enrol': 'session',
  'devices.mine': 'session',
  'devices.list': ['owner', 'security', 'operator', 'helpdesk'],
  'devices.get': ['owner', 'security', 'operator', 'helpdesk'],
  'devices.approve': ['owner', 'security', 'operator'],
  'devices.revoke': ['owner', 'security', 'operator', 'helpdesk'],
  'devices.update': ['owner', 'security', 'operator'],
  'audit.search': ['owner', 'security', 'auditor'],
  'audit.get': ['owner', 'security', 'auditor'],
  'audit.verify': ['owner', 'security', 'auditor'],
  'audit.verifyAgainst': ['owner', 'security', 'auditor'],
  'audit.export': ['owner', 'security', 'auditor'],
  'audit.checkpoint': ['owner', 'security', 'auditor'],
  'audit.takeCheckpoint': ['owner', 'security', 'auditor'],
  'audit.prove': ['owner', 'security', 'auditor'],
  'settings.get': ['owner', 'security', 'operator', 'installer'],
  'settings.update': ['owner', 'security'],
  'settings.node': ['owner', 'security', 'operator', 'installer'],
  'settings.updateNode': ['owner', 'operator', 'installer'],
  'updates.status': ['owner', 'security', 'operator', 'installer', 'auditor', 'helpdesk'],
  'updates.upload': ['owner', 'operator', 'installer'],
  'updates.check': ['owner', 'operator', 'installer'],
  'updates.install': ['owner', 'operator', 'installer'],
  'updates.stopRollout': ['owner', 'operator', 'installer'],
  'discovery.peers': ['owner', 'security', 'operator', 'installer'],
  'cluster.status': ['owner', 'security', 'operator', 'installer', 'auditor', 'helpdesk'],
  'cluster.live': ['owner', 'security', 'operator', 'installer', 'auditor', 'helpdesk'],
  'cluster.create': ['owner', 'operator', 'installer'],
  'cluster.invite': ['owner', 'operator', 'installer'],
  'cluster.revokeInvitation': ['owner', 'operator', 'installer'],
  'cluster.admit': 'public',
  'cluster.join': 'public',
  'cluster.offer': 'public',
  'cluster.add': ['owner', 'operator', 'installer'],
  'cluster.remove': ['owner', 'operator'],
  'cluster.setAddress': ['owner', 'operator', 'installer'],
  'cluster.recoveryPlan': ['owner', 'operator'],
  'cluster.recover': ['owner'],
  'backups.status': ['owner', 'security', 'operator', 'installer', 'auditor', 'helpdesk'],
  'backups.list': ['owner', 'security', 'operator'],
  'backups.create': ['owner', 'operator'],
  'backups.configure': ['owner', 'operator'],
  // Whoever chooses the key can read every backup that is made from then on.
  'backups.setKey': ['owner'],
  'backups.proven': ['owner', 'operator'],
  'frame.auth': 'public',
  'frame.sync': talkers,
  'frame.send': talkers,
  'frame.edit': talkers,
  'frame.delete': talkers,
  'frame.mark': talkers,
  'frame.history': talkers,
  'frame.presence': 'session',
  'frame.watch': talkers,
  'frame.typing': talkers,
  'frame.ping': 'public',
} as const satisfies Record<string, 'public' | 'session' | readonly Role[]>

/** What somebody whose password was set by another may do before he has chosen his own. */
export const beforePasswordChange: ReadonlySet<string> = new Set([
  'auth.me',
  'auth.changePassword',
  'auth.logout',
  // The device he sits at enrols in the same breath as he signs in; it still waits for its approval.
  'devices.challenge',
  'devices.enrol',
])

export type Action = keyof typeof policy

/** Whether `role` (null: nobody is signed in) may do `action`; an action outside the table is refused. */
export function allowed(action: string, role: Role | null): boolean {
  const rule = (policy as Record<string, 'public' | 'session' | readonly Role[] | undefined>)[action]
  if (rule === undefined) return false
  if (rule === 'public') return true
  if (role === null) return false
  return rule === 'session' || rule.includes(role)
}

/** Roles that `actor` may give to others or take from them: nobody makes somebody mightier than himself. */
export function mayGrant(actor: Role, role: Role): boolean {
  if (actor === 'owner') return true
  if (actor === 'security') return role !== 'owner'
  if (actor === 'helpdesk') return role === 'member'
  return false
}

export const everyRole = all

/** Roles whose own devices only owners and security officers decide about. */
const guardedRoles: ReadonlySet<Role> = new Set(['owner', 'security'])

/** Whether `actor` may revoke a device of somebody with the role `holder`; one's own always. */
export function mayRevokeDeviceOf(actor: Role, holder: Role): boolean {
  return guardedRoles.has(actor) || !guardedRoles.has(holder)
}
