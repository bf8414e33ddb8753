/** What the signed-in person may do to another, so that only buttons that work are shown. The node decides anyway. */
import { type Action, allowed, mayGrant, type Role, roles } from '@holdfast/api/contract/policy'
import type { PersonView } from '@holdfast/api/services'

export type PersonAction =
  | 'update'
  | 'setRole'
  | 'setPassword'
  | 'endSessions'
  | 'unlock'
  | 'suspend'
  | 'resume'
  | 'erase'

interface Actor {
  personId: string
  role: Role
}

type Subject = Pick<PersonView, 'id' | 'role' | 'status' | 'lockedUntil'>

/** Whether the action makes sense in the state that the person is in. */
const fits: Record<PersonAction, (person: Subject, isSelf: boolean) => boolean> = {
  update: () => true,
  setRole: (_person, isSelf) => !isSelf,
  setPassword: () => true,
  endSessions: () => true,
  unlock: (person) => person.lockedUntil !== null,
  suspend: (person, isSelf) => person.status === 'active' && !isSelf,
  resume: (person) => person.status === 'suspended',
  erase: (_person, isSelf) => !isSelf,
}

/** The actions to offer, in the order of a menu. */
export function personActions(actor: Actor, person: Subject): PersonAction[] {
  if (person.status === 'erased' || !mayGrant(actor.role, person.role)) return []
  const isSelf = actor.personId === person.id
  return (Object.keys(fits) as PersonAction[]).filter((action) => {
    const rule: Action = `people.${action}`
    return allowed(rule, actor.role) && fits[action](person, isSelf)
  })
}

/** The roles that `actor` may give. */
export const grantableRoles = (actor: Role): Role[] => roles.filter((role) => mayGrant(actor, role))

/** What each role is for, in one sentence. */
export const roleMeanings: Record<Role, string> = {
  owner: 'Everything, including erasing people and making other owners.',
  security: 'People, devices, settings and the audit log; no owners.',
  operator: 'Looks after the node, devices, channels and groups.',
  installer: 'Sets the node up and looks after its network; does not take part in talk.',
  auditor: 'Reads the audit log and nothing else.',
  helpdesk: 'Looks after members: adds them, sets passwords, revokes devices.',
  member: 'Takes part in talk, and administers nothing.',
}
