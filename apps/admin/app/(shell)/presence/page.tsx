import type { Metadata } from 'next'
import { PresencePage } from '../../../features/presence/presence-page.tsx'

export const metadata: Metadata = { title: 'Presence' }

export default function Page() {
  return <PresencePage />
}
