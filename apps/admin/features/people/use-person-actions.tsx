'use client'

import type { PersonView } from '@holdfast/api/services'
import { useMutation } from '@tanstack/react-query'
import { type ComponentType, useState } from 'react'
import { useToasts } from '../../components/toasts.tsx'
import { trpc } from '../../lib/api.ts'
import { failureOf } from '../../lib/errors.ts'
import { useSession } from '../session/use-session.ts'
import { PasswordShown } from './password-shown.tsx'
import {
  EndSessionsDialog,
  EraseDialog,
  PasswordDialog,
  type PersonDialogProps,
  RenameDialog,
  RoleDialog,
  SuspendDialog,
} from './person-dialogs.tsx'
import { type PersonAction, personActions } from './person-rules.ts'
import { refreshPeople } from './refresh.ts'

const words: Record<PersonAction, string> = {
  update: 'Edit…',
  setRole: 'Change role…',
  setPassword: 'Set password…',
  endSessions: 'End all sessions…',
  unlock: 'Unlock',
  suspend: 'Suspend…',
  resume: 'Resume',
  erase: 'Erase…',
}
const dangerous: ReadonlySet<PersonAction> = new Set(['suspend', 'erase'])

const dialogs: Partial<Record<PersonAction, ComponentType<PersonDialogProps>>> = {
  update: RenameDialog,
  setRole: RoleDialog,
  endSessions: EndSessionsDialog,
  suspend: SuspendDialog,
  erase: EraseDialog,
}

export interface OfferedAction {
  key: PersonAction
  title: string
  isDanger: boolean
  onClick: () => void
}

/** The actions offered for a person, and the dialogs that they open. */
export function usePersonActions() {
  const session = useSession()
  const toasts = useToasts()
  const [open, setOpen] = useState<{ action: PersonAction; person: PersonView } | null>(null)
  const [made, setMade] = useState<{ name: string; password: string } | null>(null)
  const report = (title: string) => ({
    onSuccess: async () => {
      toasts.success(title)
      await refreshPeople()
    },
    onError: (error: unknown) => toasts.failure(failureOf(error)),
  })
  const unlock = useMutation(trpc.people.unlock.mutationOptions(report('The lock-out is lifted')))
  const resume = useMutation(trpc.people.resume.mutationOptions(report('The person may sign in again')))

  const actionsOf = (person: PersonView): OfferedAction[] =>
    personActions(session, person).map((key) => ({
      key,
      title: words[key],
      isDanger: dangerous.has(key),
      onClick: () => {
        if (key === 'unlock') unlock.mutate({ id: person.id })
        else if (key === 'resume') resume.mutate({ id: person.id })
        else setOpen({ action: key, person })
      },
    }))
  const close = () => setOpen(null)
  const Dialog = open === null ? undefined : dialogs[open.action]
  const dialog = (
    <>
      {open !== null && Dialog !== undefined && <Dialog person={open.person} onClose={close} />}
      {open?.action === 'setPassword' && (
        <PasswordDialog
          person={open.person}
          onClose={close}
          onMade={(name, password) => setMade({ name, password })}
        />
      )}
      {made !== null && <PasswordShown {...made} onClose={() => setMade(null)} />}
    </>
  )
  return { actionsOf, dialog, showPassword: setMade }
}
