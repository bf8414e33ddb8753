'use client'

import { PageFailure } from '../../components/page-failure.tsx'

/** A page inside the shell that throws while it draws: says so and offers to draw it again; the navigation stays. */
export default function ErrorPage({ error, reset }: { error: Error; reset: () => void }) {
  return <PageFailure error={error} onRetry={reset} />
}
