'use client'

import { Alert, Button, Content, Flex, Form } from '@patternfly/react-core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { PasswordField } from '../../components/password-field.tsx'
import { trpc } from '../../lib/api.ts'
import { nodeNow } from '../../lib/clock.ts'
import { failureOf } from '../../lib/errors.ts'
import { useSession } from '../session/use-session.ts'
import { KitSheet } from './kit-sheet.tsx'
import type { RecoveryKit } from './kit-text.ts'

/** New recovery codes in place of the old ones, for owners; shown until the person says that they are kept. */
export function RenewCodes() {
  const session = useSession()
  const state = useQuery(trpc.setup.state.queryOptions())
  const [password, setPassword] = useState('')
  const [isAsked, setIsAsked] = useState(false)
  const [kit, setKit] = useState<RecoveryKit | null>(null)
  const renew = useMutation(
    trpc.auth.renewRecoveryCodes.mutationOptions({
      onSuccess: ({ recoveryCodes }) => {
        setPassword('')
        setIsAsked(false)
        const { facility, nodeName = '', caFingerprint = '' } = state.data ?? {}
        setKit({
          facility: facility ?? '',
          nodeName,
          owner: session.name,
          caFingerprint,
          recoveryCodes,
          madeAt: nodeNow(),
        })
      },
    }),
  )
  const failure = renew.error === null ? null : failureOf(renew.error)
  const isWrong = failure?.code === 'wrong-credentials'
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setIsAsked(true)
    if (password !== '') renew.mutate({ password })
  }

  if (kit !== null)
    return (
      <div className="hf-kit">
        <Alert variant="warning" isInline title="These codes are shown only now">
          All codes that you had before are void: destroy the old sheet.
        </Alert>
        <KitSheet kit={kit} />
        <div>
          <Button onClick={() => setKit(null)}>I have printed or saved them</Button>
        </div>
      </div>
    )

  return (
    <Form onSubmit={submit} noValidate>
      <Content component="p">
        With a code of your recovery kit you set a new password when you have lost yours: “Use a recovery
        code” on the sign-in page. Each code works once. New codes make all that you had before void.
      </Content>
      {!isWrong && <FailureAlert error={renew.error} />}
      <input type="text" name="username" autoComplete="username" value={session.name} readOnly hidden />
      <PasswordField
        label="Your password"
        value={password}
        onChange={(value) => {
          setPassword(value)
          if (isWrong) renew.reset()
        }}
        error={
          isAsked && password === ''
            ? 'Enter your password, so that nobody else at this screen makes codes for himself.'
            : isWrong
              ? 'This is not your password.'
              : null
        }
        autoComplete="current-password"
      />
      <Flex>
        <Button
          type="submit"
          variant="secondary"
          isLoading={renew.isPending}
          isDisabled={renew.isPending || state.data === undefined}
        >
          Make new recovery codes
        </Button>
      </Flex>
    </Form>
  )
}
