'use client'

import { limits } from '@holdfast/api/contract/limits'
import { Button, Form } from '@patternfly/react-core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { FormField } from '../../components/form-field.tsx'
import { trpc } from '../../lib/api.ts'
import { failureOf } from '../../lib/errors.ts'
import { LoginFailure } from './login-failure.tsx'
import { NewPasswordFields, newPasswordErrors } from './new-password-fields.tsx'
import { useCountdown } from './use-countdown.ts'

interface LoginRecoveryProps {
  name: string
  onName: (name: string) => void
  onDone: () => void
  onBack: () => void
}

/** Signing in with a code of the recovery kit, which is used up, and a new password. */
export function LoginRecovery({ name, onName, onDone, onBack }: LoginRecoveryProps) {
  const [code, setCode] = useState('')
  const [password, setPassword] = useState('')
  const [repeated, setRepeated] = useState('')
  const [isAsked, setIsAsked] = useState(false)
  const recover = useMutation(trpc.auth.recover.mutationOptions({ onSuccess: onDone }))
  const failure = recover.error === null ? null : failureOf(recover.error)
  const waitSeconds = useCountdown(failure?.retryAfterMs ?? null, recover.submittedAt)
  const errors = newPasswordErrors({ password, repeated, minLength: limits.passwordMinLength })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setIsAsked(true)
    if (name.trim() === '' || code.trim() === '' || errors.password || errors.repeated || waitSeconds > 0)
      return
    recover.mutate({ name: name.trim(), code: code.trim(), newPassword: password, cookie: true })
  }
  return (
    <Form onSubmit={submit} noValidate>
      {failure?.code !== 'weak-password' && (
        <LoginFailure
          error={recover.error}
          waitSeconds={waitSeconds}
          wrongTitle="The name or the code is wrong"
        />
      )}
      <FormField
        label="Name"
        value={name}
        onChange={onName}
        error={isAsked && name.trim() === '' ? 'Enter your name.' : null}
        autoComplete="username"
        isRequired
        autoFocus
      />
      <FormField
        label="Recovery code"
        value={code}
        onChange={(value) => setCode(value.toUpperCase())}
        error={isAsked && code.trim() === '' ? 'Enter a code of your recovery kit.' : null}
        help="Sixteen letters and digits, such as ABCD-EFGH-JKMN-PQRS. Each code works once."
        maxLength={64}
        isRequired
        isCode
      />
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
      <Button
        type="submit"
        isBlock
        isLoading={recover.isPending}
        isDisabled={recover.isPending || waitSeconds > 0}
      >
        Set the password and sign in
      </Button>
      <Button variant="link" isInline onClick={onBack} className="hf-center">
        Back to the password
      </Button>
    </Form>
  )
}
