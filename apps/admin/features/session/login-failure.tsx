'use client'

import { Alert } from '@patternfly/react-core'
import { failureOf } from '../../lib/errors.ts'
import { formatDuration } from '../../lib/format.ts'

interface LoginFailureProps {
  error: unknown
  /** Seconds until the node takes another attempt; 0 when it takes one now. */
  waitSeconds: number
  /** What is said of credentials that are wrong, where they are not name and password. */
  wrongTitle?: string
}

/** The node's sentence says no more than the title, and may not say which of the two it was. */
const wrongText = 'Check both, and whether Caps Lock is on.'

/** Why a sign-in was refused; while locked out it counts the wait down. */
export function LoginFailure({ error, waitSeconds, wrongTitle }: LoginFailureProps) {
  if (error === null) return null
  const failure = failureOf(error)
  return (
    <Alert
      variant={failure.code === 'locked-out' ? 'warning' : 'danger'}
      isInline
      title={failure.code === 'wrong-credentials' ? (wrongTitle ?? failure.title) : failure.title}
      role="alert"
    >
      {failure.code === 'wrong-credentials' && wrongTitle === undefined ? wrongText : failure.text}
      {waitSeconds > 0 && (
        <p>
          You can try again in <strong>{formatDuration(waitSeconds * 1000)}</strong>.
        </p>
      )}
    </Alert>
  )
}
