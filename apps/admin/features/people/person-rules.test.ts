import { mayGrant, roles } from '@holdfast/api/contract/policy'
import { describe, expect, test } from 'vitest'
import { grantableRoles, personActions } from './person-rules.ts'

const person = (more: Partial<Parameters<typeof personActions>[1]> = {}) => ({
  id: 'p_2',
  role: 'member' as const,
  status: 'active' as const,
  lockedUntil: null,
  ...more,
})

describe('what is offered for a person', () => {
  test('helpdesk looks after members and nobody else', () => {
    const helpdesk = { personId: 'p_1', role: 'helpdesk' as const }
    expect(personActions(helpdesk, person())).toEqual(['update', 'setPassword', 'endSessions', 'suspend'])
    expect(personActions(helpdesk, person({ role: 'operator' }))).toEqual([])
  })

  test('an owner may do all to others, and not lock himself out', () => {
    const owner = { personId: 'p_1', role: 'owner' as const }
    expect(personActions(owner, person({ lockedUntil: 5 }))).toEqual([
      'update',
      'setRole',
      'setPassword',
      'endSessions',
      'unlock',
      'suspend',
      'erase',
    ])
    expect(personActions(owner, person({ id: 'p_1', role: 'owner' }))).toEqual([
      'update',
      'setPassword',
      'endSessions',
    ])
  })

  test('suspended people can be resumed, erased ones are left alone', () => {
    const security = { personId: 'p_1', role: 'security' as const }
    expect(personActions(security, person({ status: 'suspended' }))).toContain('resume')
    expect(personActions(security, person({ status: 'suspended' }))).not.toContain('suspend')
    expect(personActions(security, person({ status: 'erased' }))).toEqual([])
  })

  test('nobody is offered anything about somebody mightier', () => {
    for (const role of roles)
      for (const other of roles)
        if (!mayGrant(role, other))
          expect(personActions({ personId: 'p_1', role }, person({ role: other }))).toEqual([])
  })

  test('roles to give', () => {
    expect(grantableRoles('helpdesk')).toEqual(['member'])
    expect(grantableRoles('security')).not.toContain('owner')
    expect(grantableRoles('operator')).toEqual([])
  })
})
