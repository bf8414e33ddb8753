'use client'

import { Alert, AlertActionLink } from '@patternfly/react-core'
import { failureOf } from '../lib/errors.ts'

interface FailureAlertProps {
  error: unknown
  onRetry?: () => void
  isPlain?: boolean
}

/** A failure in the place where it happened: what, to what, and what to do. */
export function FailureAlert({ error, onRetry, isPlain = false }: FailureAlertProps) {
  if (error === null || error === undefined) return null
  const failure = failureOf(error)
  return (
    <Alert
      variant="danger"
      isInline
      isPlain={isPlain}
      title={failure.title}
      role="alert"
      actionLinks={onRetry && <AlertActionLink onClick={onRetry}>Try again</AlertActionLink>}
    >
      {failure.text}
    </Alert>
  )
}
