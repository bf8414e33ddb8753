'use client'

import { Alert, Spinner } from '@patternfly/react-core'
import { useQuery } from '@tanstack/react-query'
import { useRouter, useSearchParams } from 'next/navigation'
import { useEffect, useState } from 'react'
import { CopyableText } from '../../components/copyable-text.tsx'
import { EntryFrame } from '../../components/entry-frame.tsx'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { queryClient, trpc } from '../../lib/api.ts'
import { failureOf } from '../../lib/errors.ts'
import { isOwnPath, paths } from '../../lib/paths.ts'
import { LoginMustChange } from './login-must-change.tsx'
import { LoginPassword } from './login-password.tsx'
import { LoginRecovery } from './login-recovery.tsx'

type Mode = { step: 'password' } | { step: 'recovery' } | { step: 'must-change'; current: string }

const titles = {
  password: 'Sign in',
  recovery: 'Sign in with a recovery code',
  'must-change': 'Choose your password',
} as const

/** The way in; leads back to the page that was asked for. */
export function LoginPage() {
  const router = useRouter()
  const query = useSearchParams()
  const [name, setName] = useState('')
  const [mode, setMode] = useState<Mode>({ step: 'password' })
  const state = useQuery(trpc.setup.state.queryOptions())
  const mustSetUp = state.data?.setUp === false
  useEffect(() => {
    if (mustSetUp) router.replace(paths.setup())
  }, [mustSetUp, router])

  const asked = query.get('next') ?? paths.overview()
  const enter = () => {
    queryClient.clear()
    router.replace(isOwnPath(asked) ? asked : paths.overview())
  }

  if (state.data === undefined || mustSetUp)
    return (
      <EntryFrame title="Sign in">
        {state.error !== null && failureOf(state.error).code !== 'unreachable' ? (
          <FailureAlert error={state.error} onRetry={() => void state.refetch()} />
        ) : (
          <Spinner aria-label="Loading" />
        )}
      </EntryFrame>
    )

  return (
    <EntryFrame
      title={titles[mode.step]}
      description={
        <>
          {state.data.facility} <span className="hf-nowrap">· {state.data.nodeName}</span>
        </>
      }
      footer={
        <span>
          CA fingerprint <CopyableText text={state.data.caFingerprint} label="CA fingerprint" shown={29} /> ·
          version {state.data.version}
        </span>
      }
    >
      {mode.step === 'password' && query.get('reason') === 'session-ended' && (
        <Alert variant="info" isInline title="Your session has ended" className="hf-gap-below">
          It ran out, or it was ended on another device or by an administrator. Sign in again to go on where
          you were.
        </Alert>
      )}
      {mode.step === 'password' && (
        <LoginPassword
          name={name}
          onName={setName}
          onDone={(result, password) =>
            result.mustChange ? setMode({ step: 'must-change', current: password }) : enter()
          }
          onRecover={() => setMode({ step: 'recovery' })}
        />
      )}
      {mode.step === 'recovery' && (
        <LoginRecovery
          name={name}
          onName={setName}
          onDone={enter}
          onBack={() => setMode({ step: 'password' })}
        />
      )}
      {mode.step === 'must-change' && <LoginMustChange name={name} current={mode.current} onDone={enter} />}
    </EntryFrame>
  )
}
