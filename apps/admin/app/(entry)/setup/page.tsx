import type { Metadata } from 'next'
import { SetupPage } from '../../../features/setup/setup-page.tsx'

export const metadata: Metadata = { title: 'First boot' }

export default function Page() {
  return <SetupPage />
}
