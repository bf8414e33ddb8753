'use client'

import { Alert, AlertActionCloseButton, AlertGroup } from '@patternfly/react-core'
import { createContext, type ReactNode, useCallback, useContext, useMemo, useRef, useState } from 'react'
import type { Failure } from '../lib/errors.ts'

interface Toast {
  id: number
  variant: 'success' | 'danger' | 'info' | 'warning'
  title: string
  text?: string
}

export interface Toasts {
  success(title: string, text?: string): void
  info(title: string, text?: string): void
  failure(failure: Failure): void
}

/** More than this cover the page; the oldest leaves. */
const maxToasts = 4
/** Good news leaves by itself; a failure stays until it is closed, because it has to be read. */
const successMs = 6_000

const ToastContext = createContext<Toasts | null>(null)

export function ToastProvider({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<Toast[]>([])
  const nextId = useRef(1)

  const add = useCallback((toast: Omit<Toast, 'id'>) => {
    const id = nextId.current
    nextId.current += 1
    setToasts((shown) => [...shown, { ...toast, id }].slice(-maxToasts))
  }, [])
  const close = useCallback(
    (id: number) => setToasts((shown) => shown.filter((toast) => toast.id !== id)),
    [],
  )

  const value = useMemo<Toasts>(
    () => ({
      success: (title, text) => add({ variant: 'success', title, ...(text === undefined ? {} : { text }) }),
      info: (title, text) => add({ variant: 'info', title, ...(text === undefined ? {} : { text }) }),
      failure: (failure) => add({ variant: 'danger', title: failure.title, text: failure.text }),
    }),
    [add],
  )

  return (
    <ToastContext value={value}>
      {children}
      <AlertGroup isToast isLiveRegion aria-label="Notices">
        {toasts.map((toast) => (
          <Alert
            key={toast.id}
            variant={toast.variant}
            title={toast.title}
            timeout={toast.variant === 'danger' ? false : successMs}
            onTimeout={() => close(toast.id)}
            actionClose={<AlertActionCloseButton title={toast.title} onClose={() => close(toast.id)} />}
          >
            {toast.text}
          </Alert>
        ))}
      </AlertGroup>
    </ToastContext>
  )
}

/** Short notices in the corner, read out by screen readers. */
export function useToasts(): Toasts {
  const toasts = useContext(ToastContext)
  if (toasts === null) throw new Error('useToasts is used outside of ToastProvider.')
  return toasts
}
