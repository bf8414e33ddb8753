'use client'

import { PageSection, Tab, TabContent, Tabs, TabTitleText } from '@patternfly/react-core'
import { useRouter, useSearchParams } from 'next/navigation'
import type { ReactNode } from 'react'
import { PageHeader } from '../../components/page-header.tsx'
import { paths, type SettingsTab, settingsTabs } from '../../lib/paths.ts'
import { BackupsTab } from '../backups/backups-tab.tsx'
import { useAllowed } from '../session/use-session.ts'
import { AccountTab } from './account-tab.tsx'
import { CertificatesTab } from './certificates-tab.tsx'
import { FacilityTab } from './facility-tab.tsx'
import { NodeTab } from './node-tab.tsx'
import { UpdatesTab } from './updates-tab.tsx'

const tabs: Record<SettingsTab, { title: string; action: string; content: () => ReactNode }> = {
  facility: { title: 'Facility policy', action: 'settings.get', content: () => <FacilityTab /> },
  node: { title: 'Discovery', action: 'settings.node', content: () => <NodeTab /> },
  certificates: { title: 'Certificates', action: 'auth.me', content: () => <CertificatesTab /> },
  backups: { title: 'Backups', action: 'backups.list', content: () => <BackupsTab /> },
  updates: { title: 'Updates', action: 'updates.status', content: () => <UpdatesTab /> },
  account: { title: 'My account', action: 'auth.me', content: () => <AccountTab /> },
}

const contentId = (tab: SettingsTab) => `settings-${tab}`

/** Settings by subject; the tab stands in the address, so that it can be linked and survives a reload. */
export function SettingsPage() {
  const router = useRouter()
  const query = useSearchParams()
  const may = useAllowed()
  const shown = settingsTabs.filter((tab) => may(tabs[tab].action))
  const active = shown.find((tab) => tab === query.get('tab')) ?? shown[0] ?? 'account'
  return (
    <>
      <PageHeader
        title="Settings"
        description="The facility’s rules, this node, its certificates and your account."
      />
      <PageSection hasBodyWrapper={false} type="tabs">
        <Tabs
          activeKey={active}
          onSelect={(_event, key) => router.replace(paths.settings(settingsTabs.find((tab) => tab === key)))}
          aria-label="Settings"
          usePageInsets
        >
          {shown.map((tab) => (
            <Tab
              key={tab}
              eventKey={tab}
              title={<TabTitleText>{tabs[tab].title}</TabTitleText>}
              tabContentId={contentId(tab)}
            />
          ))}
        </Tabs>
      </PageSection>
      <PageSection hasBodyWrapper={false}>
        {shown.map((tab) => (
          <TabContent
            key={tab}
            id={contentId(tab)}
            eventKey={tab}
            activeKey={active}
            aria-label={tabs[tab].title}
          >
            {tab === active && tabs[tab].content()}
          </TabContent>
        ))}
      </PageSection>
    </>
  )
}
