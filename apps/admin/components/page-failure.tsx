'use client'

import {
  Button,
  EmptyState,
  EmptyStateActions,
  EmptyStateBody,
  EmptyStateFooter,
} from '@patternfly/react-core'
import { isStaleBuild, staleBuildText } from '../lib/stale-build.ts'

interface PageFailureProps {
  error: Error
  onRetry: () => void
}

const reload = () => window.location.reload()

/** Shown in place of a page that failed while it was drawn. */
export function PageFailure({ error, onRetry }: PageFailureProps) {
  const isStale = isStaleBuild(error)
  return (
    <EmptyState
      status={isStale ? 'info' : 'danger'}
      headingLevel="h1"
      titleText={isStale ? staleBuildText.title : 'This page could not be shown'}
    >
      <EmptyStateBody>
        {isStale
          ? staleBuildText.text
          : `The fault is in this page, not in your data: nothing was changed on the node. The browser says: “${error.message}”.`}
      </EmptyStateBody>
      <EmptyStateFooter>
        <EmptyStateActions>
          {isStale ? (
            <Button onClick={reload}>Reload</Button>
          ) : (
            <>
              <Button onClick={onRetry}>Show it again</Button>
              <Button variant="link" onClick={reload}>
                Reload everything
              </Button>
            </>
          )}
        </EmptyStateActions>
      </EmptyStateFooter>
    </EmptyState>
  )
}
