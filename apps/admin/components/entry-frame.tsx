'use client'

import { Card, CardBody, CardTitle, Title } from '@patternfly/react-core'
import { type ReactNode, useEffect } from 'react'
import { BrandName } from './brand.tsx'
import { ThemeToggle } from './theme-toggle.tsx'
import { UnreachableBanner } from './unreachable-banner.tsx'

interface EntryFrameProps {
  title: string
  description?: ReactNode
  /** Above the card: the steps of a wizard. */
  progress?: ReactNode
  /** Below the card: which node this is. */
  footer?: ReactNode
  isWide?: boolean
  children: ReactNode
}

/** The page of somebody who is not signed in: brand, one card, and what identifies the node. */
export function EntryFrame({
  title,
  description,
  progress,
  footer,
  isWide = false,
  children,
}: EntryFrameProps) {
  // A new step of a wizard begins at its top, wherever the one before was left.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the title tells the steps apart
  useEffect(() => {
    window.scrollTo(0, 0)
  }, [title])
  return (
    <>
      <UnreachableBanner />
      <div className="hf-entry">
        <header className={isWide ? 'hf-entry-head hf-entry-wide' : 'hf-entry-head'}>
          <BrandName size={32} />
          <ThemeToggle />
        </header>
        <main className={isWide ? 'hf-entry-main hf-entry-wide' : 'hf-entry-main'}>
          {progress}
          <Card className="hf-entry-card">
            <CardTitle>
              <Title headingLevel="h1" size="xl">
                {title}
              </Title>
              {description !== undefined && <p className="hf-subtle hf-lead">{description}</p>}
            </CardTitle>
            <CardBody>{children}</CardBody>
          </Card>
        </main>
        {footer !== undefined && <footer className="hf-entry-foot">{footer}</footer>}
      </div>
    </>
  )
}
