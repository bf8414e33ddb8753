'use client'

import { limits } from '@holdfast/api/contract/limits'
import { nameSchema } from '@holdfast/api/contract/names'
import { type Role, roleTitles } from '@holdfast/api/contract/policy'
import {
  Button,
  Checkbox,
  Form,
  FormGroup,
  FormSelect,
  FormSelectOption,
  ModalBody,
  ModalFooter,
  ModalHeader,
} from '@patternfly/react-core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { Dialog } from '../../components/dialog.tsx'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { FieldMessage, FormField } from '../../components/form-field.tsx'
import { useToasts } from '../../components/toasts.tsx'
import { trpc } from '../../lib/api.ts'
import { useSession } from '../session/use-session.ts'
import { generatePassword } from './password.ts'
import { type PasswordChoice, PasswordChoiceField } from './password-choice.tsx'
import { grantableRoles, roleMeanings } from './person-rules.ts'
import { refreshPeople } from './refresh.ts'

interface PersonAddProps {
  onClose: () => void
  /** With the password when it was made here. */
  onAdded: (name: string, madePassword: string | null) => void
}

/** A new person, or a service account for a machine. */
export function PersonAdd({ onClose, onAdded }: PersonAddProps) {
  const { role: ownRole } = useSession()
  const toasts = useToasts()
  const [name, setName] = useState('')
  const [displayName, setDisplayName] = useState('')
  const [role, setRole] = useState<Role>('member')
  const [isService, setIsService] = useState(false)
  const [mustChange, setMustChange] = useState(true)
  const [choice, setChoice] = useState<PasswordChoice>({ kind: 'made' })
  const add = useMutation(
    trpc.people.add.mutationOptions({
      onSuccess: async (person, sent) => {
        toasts.success(`${person.displayName} is added`)
        onAdded(person.name, choice.kind === 'made' ? (sent.password ?? null) : null)
        await refreshPeople()
      },
    }),
  )
  const checked = nameSchema.safeParse(name)
  const nameFault = name === '' || checked.success ? null : (checked.error.issues[0]?.message ?? 'not a name')
  const mayAdd = checked.success && (choice.kind === 'made' || choice.password !== '') && !add.isPending
  const close = add.isPending ? () => undefined : onClose
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!mayAdd) return
    add.mutate({
      name: checked.data,
      role,
      kind: isService ? 'service' : 'person',
      // A machine can not choose a password.
      mustChange: mustChange && !isService,
      password: choice.kind === 'made' ? generatePassword() : choice.password,
      ...(displayName.trim() === '' ? {} : { displayName: displayName.trim() }),
    })
  }
  return (
    <Dialog variant="small" isOpen onClose={close} aria-labelledby="person-add-title">
      <ModalHeader title="Add a person" labelId="person-add-title" />
      <ModalBody>
        <Form id="person-add" onSubmit={submit}>
          <FormField
            label="Login name"
            value={name}
            onChange={setName}
            isRequired
            autoFocus
            maxLength={limits.nameLength}
            error={nameFault}
            help="Lower case; it can not be changed later, and is never given to anybody else."
          />
          <FormField
            label="Display name"
            value={displayName}
            onChange={setDisplayName}
            maxLength={limits.displayNameLength}
            help="As others see it; the login name when empty."
          />
          <FormGroup label="Role" fieldId="person-role">
            <FormSelect
              id="person-role"
              value={role}
              aria-describedby="person-role-help"
              onChange={(_event, value) => setRole(value as Role)}
            >
              {grantableRoles(ownRole).map((each) => (
                <FormSelectOption key={each} value={each} label={roleTitles[each]} />
              ))}
            </FormSelect>
            <FieldMessage id="person-role-help" help={roleMeanings[role]} />
          </FormGroup>
          <Checkbox
            id="person-service"
            label="Service account"
            description="For a machine or a program, not for a human."
            isChecked={isService}
            onChange={(_event, isOn) => setIsService(isOn)}
          />
          <PasswordChoiceField choice={choice} onChange={setChoice} context={[name, displayName]} />
          {!isService && (
            <Checkbox
              id="person-must-change"
              label="A new password has to be chosen at the first sign-in"
              isChecked={mustChange}
              onChange={(_event, isOn) => setMustChange(isOn)}
            />
          )}
          <FailureAlert error={add.error} />
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button type="submit" form="person-add" isDisabled={!mayAdd} isLoading={add.isPending}>
          Add
        </Button>
        <Button variant="link" onClick={close} isDisabled={add.isPending}>
          Cancel
        </Button>
      </ModalFooter>
    </Dialog>
  )
}
