'use client'

import {
  Button,
  EmptyState,
  EmptyStateActions,
  EmptyStateBody,
  EmptyStateFooter,
} from '@patternfly/react-core'
import { SearchIcon } from '@patternfly/react-icons/dist/esm/icons/search-icon'
import { BareFrame } from './bare-frame.tsx'

export function NotFound() {
  return (
    <BareFrame>
      <EmptyState headingLevel="h1" titleText="There is no page at this address" icon={SearchIcon}>
        <EmptyStateBody>The link may be old or mistyped. Nothing was changed on the node.</EmptyStateBody>
        <EmptyStateFooter>
          <EmptyStateActions>
            <Button component="a" href="/">
              Go to the start page
            </Button>
          </EmptyStateActions>
        </EmptyStateFooter>
      </EmptyState>
    </BareFrame>
  )
}
