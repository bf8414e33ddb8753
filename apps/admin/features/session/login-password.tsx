'use client'

import type { LoginResult } from '@holdfast/api/services'
import { Button, Form } from '@patternfly/react-core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useRef, useState } from 'react'
import { FormField } from '../../components/form-field.tsx'
import { PasswordField } from '../../components/password-field.tsx'
import { trpc } from '../../lib/api.ts'
import { failureOf } from '../../lib/errors.ts'
import { LoginFailure } from './login-failure.tsx'
import { useCountdown } from './use-countdown.ts'

interface LoginPasswordProps {
  name: string
  onName: (name: string) => void
  /** The password comes along because a change of it asks for the old one. */
  onDone: (result: LoginResult, password: string) => void
  onRecover: () => void
}

/** Signing in with name and password. */
export function LoginPassword({ name, onName, onDone, onRecover }: LoginPasswordProps) {
  const [password, setPassword] = useState('')
  const [isAsked, setIsAsked] = useState(false)
  const passwordInput = useRef<HTMLInputElement>(null)
  const login = useMutation(
    trpc.auth.login.mutationOptions({
      onSuccess: (result) => onDone(result, password),
      onError: () => {
        setPassword('')
        setIsAsked(false)
        passwordInput.current?.focus()
      },
    }),
  )
  const waitSeconds = useCountdown(
    login.error === null ? null : failureOf(login.error).retryAfterMs,
    login.submittedAt,
  )
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setIsAsked(true)
    if (name.trim() === '' || password === '' || waitSeconds > 0) return
    login.mutate({ name: name.trim(), password, cookie: true })
  }
  return (
    <Form onSubmit={submit} noValidate>
      <LoginFailure error={login.error} waitSeconds={waitSeconds} />
      <FormField
        label="Name"
        value={name}
        onChange={onName}
        error={isAsked && name.trim() === '' ? 'Enter your name.' : null}
        autoComplete="username"
        inputProps={{ autoCapitalize: 'none', spellCheck: false }}
        isRequired
        autoFocus
      />
      <PasswordField
        label="Password"
        value={password}
        onChange={setPassword}
        error={isAsked && password === '' ? 'Enter your password.' : null}
        autoComplete="current-password"
        inputRef={passwordInput}
      />
      <Button
        type="submit"
        isBlock
        isLoading={login.isPending}
        isDisabled={login.isPending || waitSeconds > 0}
      >
        Sign in
      </Button>
      <Button variant="link" isInline onClick={onRecover} className="hf-center">
        Use a recovery code
      </Button>
    </Form>
  )
}
