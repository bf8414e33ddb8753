'use client'

import { limits } from '@holdfast/api/contract/limits'
import { type Role, roleTitles } from '@holdfast/api/contract/policy'
import type { PersonView } from '@holdfast/api/services'
import { Checkbox, Content, FormGroup, FormSelect, FormSelectOption } from '@patternfly/react-core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { ConfirmDialog } from '../../components/confirm-dialog.tsx'
import { FieldMessage, FormField } from '../../components/form-field.tsx'
import { useToasts } from '../../components/toasts.tsx'
import { trpc } from '../../lib/api.ts'
import { useSession } from '../session/use-session.ts'
import { generatePassword } from './password.ts'
import { type PasswordChoice, PasswordChoiceField } from './password-choice.tsx'
import { grantableRoles, roleMeanings } from './person-rules.ts'
import { refreshPeople } from './refresh.ts'

export interface PersonDialogProps {
  person: PersonView
  onClose: () => void
}

/** Says what was done, closes, and loads again what shows it. */
function useDone(onClose: () => void) {
  const toasts = useToasts()
  return async (title: string, text?: string) => {
    onClose()
    toasts.success(title, text)
    await refreshPeople()
  }
}

export function RenameDialog({ person, onClose }: PersonDialogProps) {
  const done = useDone(onClose)
  const [displayName, setDisplayName] = useState(person.displayName)
  const update = useMutation(
    trpc.people.update.mutationOptions({ onSuccess: (saved) => done(`${saved.displayName} is saved`) }),
  )
  return (
    <ConfirmDialog
      isOpen
      title={`Edit ${person.displayName}`}
      confirm="Save"
      isReady={displayName.trim() !== ''}
      isPending={update.isPending}
      error={update.error}
      onConfirm={() => update.mutate({ id: person.id, displayName: displayName.trim() })}
      onClose={onClose}
    >
      <FormField
        label="Display name"
        value={displayName}
        onChange={setDisplayName}
        isRequired
        autoFocus
        maxLength={limits.displayNameLength}
        help={`Signs in as ${person.name}, which stays.`}
      />
    </ConfirmDialog>
  )
}

export function RoleDialog({ person, onClose }: PersonDialogProps) {
  const { role: ownRole } = useSession()
  const done = useDone(onClose)
  const [role, setRole] = useState<Role>(person.role)
  const change = useMutation(
    trpc.people.setRole.mutationOptions({
      onSuccess: (saved) => done(`${saved.displayName} is ${roleTitles[saved.role].toLowerCase()} now`),
    }),
  )
  return (
    <ConfirmDialog
      isOpen
      title={`Role of ${person.displayName}`}
      confirm="Change the role"
      isReady={role !== person.role}
      isPending={change.isPending}
      error={change.error}
      onConfirm={() => change.mutate({ id: person.id, role })}
      onClose={onClose}
    >
      <FormGroup label="Role" fieldId="role-select">
        <FormSelect
          id="role-select"
          value={role}
          aria-describedby="role-help"
          onChange={(_event, value) => setRole(value as Role)}
        >
          {grantableRoles(ownRole).map((each) => (
            <FormSelectOption key={each} value={each} label={roleTitles[each]} />
          ))}
        </FormSelect>
        <FieldMessage id="role-help" help={roleMeanings[role]} />
      </FormGroup>
    </ConfirmDialog>
  )
}

interface PasswordDialogProps extends PersonDialogProps {
  onMade: (name: string, password: string) => void
}

export function PasswordDialog({ person, onClose, onMade }: PasswordDialogProps) {
  const done = useDone(onClose)
  const [choice, setChoice] = useState<PasswordChoice>({ kind: 'made' })
  const [mustChange, setMustChange] = useState(person.kind === 'person')
  const set = useMutation(
    trpc.people.setPassword.mutationOptions({
      onSuccess: async (_nothing, sent) => {
        if (choice.kind === 'made') onMade(person.name, sent.password)
        await done(`${person.displayName} has a new password`)
      },
    }),
  )
  return (
    <ConfirmDialog
      isOpen
      title={`New password for ${person.displayName}`}
      confirm="Set the password"
      isReady={choice.kind === 'made' || choice.password !== ''}
      isPending={set.isPending}
      error={set.error}
      onConfirm={() =>
        set.mutate({
          id: person.id,
          mustChange,
          password: choice.kind === 'made' ? generatePassword() : choice.password,
        })
      }
      onClose={onClose}
    >
      <Content component="p">All sessions end; the old password is of no use any more.</Content>
      <PasswordChoiceField choice={choice} onChange={setChoice} context={[person.name, person.displayName]} />
      <Checkbox
        id="must-change"
        label="A new password has to be chosen at the next sign-in"
        isChecked={mustChange}
        onChange={(_event, isOn) => setMustChange(isOn)}
      />
    </ConfirmDialog>
  )
}

export function SuspendDialog({ person, onClose }: PersonDialogProps) {
  const done = useDone(onClose)
  const suspend = useMutation(
    trpc.people.suspend.mutationOptions({ onSuccess: () => done(`${person.displayName} is suspended`) }),
  )
  return (
    <ConfirmDialog
      isOpen
      isDanger
      title={`Suspend ${person.displayName}?`}
      confirm="Suspend"
      isPending={suspend.isPending}
      error={suspend.error}
      onConfirm={() => suspend.mutate({ id: person.id })}
      onClose={onClose}
    >
      <Content component="p">
        All sessions are cut within a second and signing in is refused. Messages, groups and channels stay;
        you can resume the person at any time.
      </Content>
    </ConfirmDialog>
  )
}

export function EndSessionsDialog({ person, onClose }: PersonDialogProps) {
  const done = useDone(onClose)
  const end = useMutation(
    trpc.people.endSessions.mutationOptions({
      onSuccess: () => done(`${person.displayName} is signed out everywhere`),
    }),
  )
  return (
    <ConfirmDialog
      isOpen
      title={`End all sessions of ${person.displayName}?`}
      confirm="End all sessions"
      isPending={end.isPending}
      error={end.error}
      onConfirm={() => end.mutate({ id: person.id })}
      onClose={onClose}
    >
      <Content component="p">
        Every browser, terminal and device is signed out within a second and has to sign in again.
      </Content>
    </ConfirmDialog>
  )
}

export function EraseDialog({ person, onClose }: PersonDialogProps) {
  const done = useDone(onClose)
  const erase = useMutation(
    trpc.people.erase.mutationOptions({ onSuccess: () => done(`${person.displayName} is erased`) }),
  )
  return (
    <ConfirmDialog
      isOpen
      isDanger
      title={`Erase ${person.displayName} for good?`}
      confirm="Erase"
      typed={person.name}
      isPending={erase.isPending}
      error={erase.error}
      onConfirm={() => erase.mutate({ id: person.id })}
      onClose={onClose}
    >
      <Content component="p">
        Name, password, sessions, devices and memberships are removed and can not be brought back. What the
        person wrote stays, without the name. To keep somebody out for a while, suspend instead.
      </Content>
    </ConfirmDialog>
  )
}
