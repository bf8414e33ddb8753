'use client'

import { PageFailure } from '../components/page-failure.tsx'

/** Any page that throws while it draws: says so and offers to draw it again; the rest of the UI stays. */
export default function ErrorPage({ error, reset }: { error: Error; reset: () => void }) {
  return <PageFailure error={error} onRetry={reset} />
}
