'use client'

import { limits } from '@holdfast/api/contract/limits'
import { Alert, Button, Form } from '@patternfly/react-core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { trpc } from '../../lib/api.ts'
import { failureOf } from '../../lib/errors.ts'
import { NewPasswordFields, newPasswordErrors } from './new-password-fields.tsx'

interface LoginMustChangeProps {
  name: string
  /** The password just used; the node asks for it once more. */
  current: string
  onDone: () => void
}

/** Somebody whose password was set by another has to choose his own before anything else. */
export function LoginMustChange({ name, current, onDone }: LoginMustChangeProps) {
  const [password, setPassword] = useState('')
  const [repeated, setRepeated] = useState('')
  const [isAsked, setIsAsked] = useState(false)
  const change = useMutation(trpc.auth.changePassword.mutationOptions({ onSuccess: onDone }))
  const failure = change.error === null ? null : failureOf(change.error)
  const errors = newPasswordErrors({ password, repeated, minLength: limits.passwordMinLength })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setIsAsked(true)
    if (errors.password || errors.repeated) return
    change.mutate({ current, next: password })
  }
  return (
    <Form onSubmit={submit} noValidate>
      {failure === null && (
        <Alert variant="info" isInline title="Your password was set by somebody else">
          Choose one that only you know. You are signed in as soon as it is saved.
        </Alert>
      )}
      {failure !== null && failure.code !== 'weak-password' && <FailureAlert error={change.error} />}
      <input type="text" name="username" autoComplete="username" value={name} readOnly hidden />
      <NewPasswordFields
        password={password}
        repeated={repeated}
        onPassword={setPassword}
        onRepeated={setRepeated}
        minLength={limits.passwordMinLength}
        context={[name]}
        errors={isAsked ? errors : {}}
        refusal={failure?.code === 'weak-password' ? failure.text : null}
      />
      <Button type="submit" isBlock isLoading={change.isPending} isDisabled={change.isPending}>
        Save the password
      </Button>
    </Form>
  )
}
