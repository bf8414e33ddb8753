'use client'

import type { Role } from '@holdfast/api/contract/policy'
import { allowed } from '@holdfast/api/contract/policy'
import type { Caller } from '@holdfast/api/services'
import { createContext, useContext } from 'react'

/** The signed-in person, as the node sees him. */
export interface Session extends Caller {
  role: Role
}

export const SessionContext = createContext<Session | null>(null)

/** The session of the page; only inside the signed-in shell. */
export function useSession(): Session {
  const session = useContext(SessionContext)
  if (session === null) throw new Error('useSession is used outside of the signed-in shell.')
  return session
}

/** Whether the signed-in person may do `action` of the policy table; buttons ask this before they show themselves. */
export function useAllowed(): (action: string) => boolean {
  const { role } = useSession()
  return (action) => allowed(action, role)
}
