'use client'

import { Flex, FlexItem, PageSection, Title } from '@patternfly/react-core'
import type { ReactNode } from 'react'

interface PageHeaderProps {
  title: string
  /** One sentence on what the page is for. */
  description?: ReactNode
  /** Labels or ages beside the title. */
  status?: ReactNode
  actions?: ReactNode
}

/** Title, purpose and main actions of a page: the same place on every page. */
export function PageHeader({ title, description, status, actions }: PageHeaderProps) {
  return (
    <PageSection hasBodyWrapper={false} className="hf-page-header">
      <Flex
        justifyContent={{ default: 'justifyContentSpaceBetween' }}
        alignItems={{ default: 'alignItemsFlexStart' }}
        rowGap={{ default: 'rowGapSm' }}
      >
        <FlexItem className="hf-shrink">
          <Flex alignItems={{ default: 'alignItemsCenter' }} gap={{ default: 'gapMd' }}>
            <Title headingLevel="h1" size="2xl">
              {title}
            </Title>
            {status}
          </Flex>
          {description !== undefined && <p className="hf-subtle">{description}</p>}
        </FlexItem>
        {actions !== undefined && <FlexItem>{actions}</FlexItem>}
      </Flex>
    </PageSection>
  )
}
