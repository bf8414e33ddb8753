'use client'

import { BareFrame } from '../components/bare-frame.tsx'
import { PageFailure } from '../components/page-failure.tsx'

/** Any page that throws while it draws: says so and offers to draw it again; it has no shell around it. */
export default function ErrorPage({ error, reset }: { error: Error; reset: () => void }) {
  return (
    <BareFrame>
      <PageFailure error={error} onRetry={reset} />
    </BareFrame>
  )
}
