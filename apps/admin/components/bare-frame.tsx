'use client'

import { Card, CardBody } from '@patternfly/react-core'
import type { ReactNode } from 'react'
import { BrandName } from './brand.tsx'
import { ThemeToggle } from './theme-toggle.tsx'

/** The page of an address that belongs to no other frame: the brand, the theme, and what there is to say. */
export function BareFrame({ children }: { children: ReactNode }) {
  return (
    <div className="hf-entry">
      <header className="hf-entry-head">
        <BrandName size={32} />
        <ThemeToggle />
      </header>
      <main className="hf-entry-main">
        <Card className="hf-entry-card">
          <CardBody>{children}</CardBody>
        </Card>
      </main>
    </div>
  )
}
