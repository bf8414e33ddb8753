'use client'

import { type Role, roleTitles } from '@holdfast/api/contract/policy'
import { Bullseye, EmptyState, EmptyStateBody, PageSection, Spinner, Tooltip } from '@patternfly/react-core'
import { LockIcon } from '@patternfly/react-icons/dist/esm/icons/lock-icon'
import { useQuery } from '@tanstack/react-query'
import { usePathname, useRouter } from 'next/navigation'
import { type ReactNode, Suspense, useEffect, useRef, useState } from 'react'
import { AppShell } from '../../components/app-shell.tsx'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { useToasts } from '../../components/toasts.tsx'
import { UnreachableBanner } from '../../components/unreachable-banner.tsx'
import { UserMenu } from '../../components/user-menu.tsx'
import { api, queryClient, trpc } from '../../lib/api.ts'
import { failureOf, signedOutCodes } from '../../lib/errors.ts'
import { rememberNodes } from '../../lib/other-nodes.ts'
import { paths } from '../../lib/paths.ts'
import { onSessionEnd } from '../../lib/session-end.ts'
import { QuorumBanner } from '../cluster/quorum-banner.tsx'
import { actionOfPage, homeOf, navigationFor } from './navigation.ts'
import { useAttendance } from './use-attendance.ts'
import { SessionContext, useAllowed } from './use-session.ts'

/** An idle page finds out within this time that its session was ended elsewhere. */
const sessionCheckMs = 30_000

/** Lets in whoever has a session, sends everybody else to the login and back to the page he asked for. */
export function SignedInShell({ children }: { children: ReactNode }) {
  const router = useRouter()
  const pathname = usePathname()
  // From the end of the session until the login page is there nothing is asked any more: each answer would be a refusal.
  const [leaving, setLeaving] = useState(false)
  const me = useQuery({
    ...trpc.auth.me.queryOptions(undefined, { refetchInterval: sessionCheckMs }),
    enabled: !leaving,
  })
  const hadSession = useRef(false)
  useEffect(() => {
    if (me.data === undefined) return
    hadSession.current = true
    rememberNodes(me.data.others)
  }, [me.data])

  useEffect(
    () =>
      onSessionEnd((reason) => {
        const next = `${window.location.pathname}${window.location.search}`
        setLeaving(true)
        router.replace(
          paths.login({
            next,
            ...(reason === 'session-ended' || hadSession.current ? { reason: 'session-ended' } : {}),
          }),
        )
      }),
    [router],
  )
  // Whoever left the login before he chose his own password goes through it again.
  const mustChange = me.data?.mustChange === true
  useEffect(() => {
    if (!mustChange) return
    setLeaving(true)
    router.replace(paths.login({ next: `${window.location.pathname}${window.location.search}` }))
  }, [mustChange, router])
  // What the last person saw is forgotten once his pages are gone.
  useEffect(() => (leaving ? () => queryClient.clear() : undefined), [leaving])

  if (me.data === undefined || leaving) {
    const failure = me.error === null ? null : failureOf(me.error)
    return (
      <main className="hf-entry">
        <UnreachableBanner />
        {failure === null || signedOutCodes.has(failure.code) || failure.code === 'unreachable' ? (
          <Spinner aria-label="Loading" />
        ) : (
          <FailureAlert error={me.error} onRetry={() => void me.refetch()} />
        )}
      </main>
    )
  }

  const { role, displayName, name } = me.data
  const page = pathname === '/' ? '/' : pathname.replace(/\/$/, '')
  return (
    <SessionContext value={me.data}>
      <AppShell
        groups={navigationFor(role).map((group) => ({
          ...group,
          entries: group.entries.map((entry) => ({ ...entry, isActive: entry.path === page })),
        }))}
        homePath={homeOf(role)}
        onNavigate={(path) => router.push(path)}
        place={<Place />}
        userMenu={<AccountMenu name={displayName} detail={`${name} · ${roleTitles[role]}`} />}
        banner={
          <>
            <UnreachableBanner />
            <QuorumBanner />
          </>
        }
      >
        <Attendance page={page} />
        <Suspense fallback={<PageLoading />}>
          <PageGate page={page} role={role}>
            {children}
          </PageGate>
        </Suspense>
      </AppShell>
    </SessionContext>
  )
}

function AccountMenu({ name, detail }: { name: string; detail: string }) {
  const router = useRouter()
  const toasts = useToasts()
  const signOut = async () => {
    try {
      await api.auth.logout.mutate()
      queryClient.clear()
      router.replace(paths.login())
    } catch (error) {
      toasts.failure(failureOf(error))
    }
  }
  return (
    <UserMenu
      name={name}
      detail={detail}
      onAccount={() => router.push(paths.settings('account'))}
      onSignOut={() => void signOut()}
    />
  )
}

/** Facility and node in the masthead. */
function Place() {
  const state = useQuery(trpc.setup.state.queryOptions(undefined, { staleTime: Number.POSITIVE_INFINITY }))
  if (state.data === undefined) return null
  const text = [state.data.facility, state.data.nodeName].filter(Boolean).join(' · ')
  return (
    <Tooltip content={text}>
      <span className="hf-place-name">
        <strong>{state.data.facility}</strong>
        <span className="hf-subtle"> · {state.data.nodeName}</span>
      </span>
    </Tooltip>
  )
}

/** Of its own, so that turning away and coming back draws nothing anew. */
function Attendance({ page }: { page: string }) {
  useAttendance(page)
  return null
}

function PageLoading() {
  return (
    <PageSection>
      <Bullseye>
        <Spinner aria-label="Loading" />
      </Bullseye>
    </PageSection>
  )
}

/** Shows a page only to roles that have it; the start page leads others to their own. The node decides anyway. */
function PageGate({ page, role, children }: { page: string; role: Role; children: ReactNode }) {
  const router = useRouter()
  const may = useAllowed()
  const action = actionOfPage(page)
  const isRefused = action !== null && !may(action)
  const leadsHome = isRefused && page === paths.overview()
  useEffect(() => {
    if (leadsHome) router.replace(homeOf(role))
  }, [leadsHome, role, router])
  if (leadsHome) return <PageLoading />
  if (isRefused)
    return (
      <PageSection>
        <EmptyState headingLevel="h1" icon={LockIcon} titleText="Your role does not include this page">
          <EmptyStateBody>
            You are signed in as {roleTitles[role].toLowerCase()}. An owner or security officer can change
            your role.
          </EmptyStateBody>
        </EmptyState>
      </PageSection>
    )
  return children
}
