'use client'

import {
  Button,
  EmptyState,
  EmptyStateActions,
  EmptyStateBody,
  EmptyStateFooter,
} from '@patternfly/react-core'

interface PageFailureProps {
  error: Error
  onRetry: () => void
}

/** Shown in place of a page that failed while it was drawn. */
export function PageFailure({ error, onRetry }: PageFailureProps) {
  return (
    <EmptyState status="danger" headingLevel="h1" titleText="This page could not be shown">
      <EmptyStateBody>
        The fault is in this page, not in your data: nothing was changed on the node. The browser says: “
        {error.message}”.
      </EmptyStateBody>
      <EmptyStateFooter>
        <EmptyStateActions>
          <Button onClick={onRetry}>Show it again</Button>
          <Button variant="link" onClick={() => window.location.reload()}>
            Reload everything
          </Button>
        </EmptyStateActions>
      </EmptyStateFooter>
    </EmptyState>
  )
}
