import type { ReactNode } from 'react'
import { SignedInShell } from '../../features/session/signed-in-shell.tsx'

/** Pages for people who are signed in. */
export default function ShellLayout({ children }: { children: ReactNode }) {
  return <SignedInShell>{children}</SignedInShell>
}
