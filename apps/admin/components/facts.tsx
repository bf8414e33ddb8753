'use client'

import {
  DescriptionList,
  DescriptionListDescription,
  DescriptionListGroup,
  DescriptionListTerm,
} from '@patternfly/react-core'
import type { ReactNode } from 'react'
import css from './detail.module.css'

/** What is known of one thing, as terms and values; a value that is not there is left out. */
export function Facts({ facts, label }: { facts: { term: string; value: ReactNode }[]; label: string }) {
  return (
    <DescriptionList
      isCompact
      isHorizontal
      horizontalTermWidthModifier={{ default: '8.5rem' }}
      aria-label={label}
      columnModifier={{ default: '1Col' }}
    >
      {facts
        .filter(({ value }) => value !== null && value !== undefined && value !== false && value !== '')
        .map(({ term, value }) => (
          <DescriptionListGroup key={term}>
            <DescriptionListTerm>{term}</DescriptionListTerm>
            <DescriptionListDescription className={css.fact}>{value}</DescriptionListDescription>
          </DescriptionListGroup>
        ))}
    </DescriptionList>
  )
}
