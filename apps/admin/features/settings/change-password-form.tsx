'use client'

import { limits } from '@holdfast/api/contract/limits'
import { Button, Flex, Form } from '@patternfly/react-core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { PasswordField } from '../../components/password-field.tsx'
import { useToasts } from '../../components/toasts.tsx'
import { queryClient, trpc } from '../../lib/api.ts'
import { failureOf } from '../../lib/errors.ts'
import { NewPasswordFields, newPasswordErrors } from '../session/new-password-fields.tsx'
import { useSession } from '../session/use-session.ts'

/** Changes one's own password; every other session of the person ends. */
export function ChangePasswordForm() {
  const session = useSession()
  const toasts = useToasts()
  const [current, setCurrent] = useState('')
  const [password, setPassword] = useState('')
  const [repeated, setRepeated] = useState('')
  const [isAsked, setIsAsked] = useState(false)
  const change = useMutation(
    trpc.auth.changePassword.mutationOptions({
      onSuccess: () => {
        setCurrent('')
        setPassword('')
        setRepeated('')
        setIsAsked(false)
        void queryClient.invalidateQueries(trpc.auth.sessions.pathFilter())
        toasts.success('Your password is changed', 'You stay signed in here; other sessions have ended.')
      },
    }),
  )
  const failure = change.error === null ? null : failureOf(change.error)
  const errors = newPasswordErrors({ password, repeated, minLength: limits.passwordMinLength })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setIsAsked(true)
    if (current === '' || errors.password || errors.repeated) return
    change.mutate({ current, next: password })
  }
  const isKnownPlace = failure?.code === 'wrong-credentials' || failure?.code === 'weak-password'
  return (
    <Form onSubmit={submit} noValidate>
      {!isKnownPlace && <FailureAlert error={change.error} />}
      <input type="text" name="username" autoComplete="username" value={session.name} readOnly hidden />
      <PasswordField
        label="Current password"
        value={current}
        onChange={(value) => {
          setCurrent(value)
          if (failure?.code === 'wrong-credentials') change.reset()
        }}
        error={
          isAsked && current === ''
            ? 'Enter the password you have now.'
            : failure?.code === 'wrong-credentials'
              ? 'This is not your current password.'
              : null
        }
        autoComplete="current-password"
      />
      <NewPasswordFields
        password={password}
        repeated={repeated}
        onPassword={setPassword}
        onRepeated={setRepeated}
        minLength={limits.passwordMinLength}
        context={[session.name, session.displayName]}
        errors={isAsked ? errors : {}}
        refusal={failure?.code === 'weak-password' ? failure.text : null}
      />
      <Flex>
        <Button type="submit" isLoading={change.isPending} isDisabled={change.isPending}>
          Change the password
        </Button>
      </Flex>
    </Form>
  )
}
