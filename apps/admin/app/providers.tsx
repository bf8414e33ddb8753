'use client'

import { QueryClientProvider } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { useIsDark } from '../components/theme-toggle.tsx'
import { ToastProvider } from '../components/toasts.tsx'
import { queryClient } from '../lib/api.ts'

/** What every page stands in, signed in or not. */
export function Providers({ children }: { children: ReactNode }) {
  // Whoever follows the theme keeps it painted; a page without its buttons has nobody else.
  useIsDark()
  return (
    <QueryClientProvider client={queryClient}>
      <ToastProvider>{children}</ToastProvider>
    </QueryClientProvider>
  )
}
