'use client'

import {
  Button,
  PageSection,
  Skeleton,
  Stack,
  Tab,
  TabContent,
  Tabs,
  TabTitleText,
} from '@patternfly/react-core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { DetailDrawer } from '../../components/detail-drawer.tsx'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { PageHeader } from '../../components/page-header.tsx'
import { StatusLabel } from '../../components/status-label.tsx'
import { trpc } from '../../lib/api.ts'
import { useSelectedId } from '../../lib/use-selected-id.ts'
import { GroupDetail, useGroup } from '../groups/group-detail.tsx'
import { GroupsTable } from '../groups/groups-table.tsx'
import { usePresenceNow } from '../presence/use-live-presence.ts'
import { PeopleTable } from './people-table.tsx'
import { PersonDetailView } from './person-detail.tsx'
import { usePersonActions } from './use-person-actions.tsx'

const personPrefix = 'p_'

/** People and groups, each with its detail at the side. An id in the address says by its prefix which it is. */
export function PeoplePage() {
  const [selectedId, select] = useSelectedId()
  const isPerson = selectedId?.startsWith(personPrefix) ?? false
  const isGroup = selectedId !== null && !isPerson
  const [tab, setTab] = useState<'people' | 'groups'>(isGroup ? 'groups' : 'people')
  const { actionsOf, dialog, showPassword } = usePersonActions()
  const presenceNow = usePresenceNow()
  const detail = useQuery(
    trpc.people.get.queryOptions({ id: selectedId ?? '' }, { enabled: selectedId !== null && isPerson }),
  )
  const group = useGroup(isGroup ? selectedId : null)
  const person = isPerson ? detail.data : undefined

  return (
    <DetailDrawer
      isOpen={selectedId !== null}
      title={person?.displayName ?? group.data?.name ?? (isGroup ? 'Group' : 'Person')}
      status={
        person && (
          <>
            <StatusLabel status={person.lockedUntil === null ? person.status : 'locked'} />{' '}
            {person.status !== 'erased' && <StatusLabel status={presenceNow(person)} />}
          </>
        )
      }
      actions={
        person &&
        actionsOf(person).map((action) => (
          <Button
            key={action.key}
            size="sm"
            variant="secondary"
            isDanger={action.isDanger}
            onClick={action.onClick}
          >
            {action.title}
          </Button>
        ))
      }
      onClose={() => select(null)}
      detail={
        <Stack hasGutter>
          {isPerson && <FailureAlert error={detail.error} onRetry={() => void detail.refetch()} />}
          {isPerson && person === undefined && detail.error === null && (
            <Skeleton screenreaderText="Loading the person" />
          )}
          {person && <PersonDetailView person={person} />}
          {isGroup && <GroupDetail group={group} onRemoved={() => select(null)} />}
        </Stack>
      }
    >
      <PageHeader
        title="People & groups"
        description="Who may sign in, and as what. A group brings its people into channels."
      />
      <PageSection hasBodyWrapper={false} type="tabs">
        <Tabs
          activeKey={tab}
          aria-label="People or groups"
          onSelect={(_event, key) => {
            setTab(key === 'groups' ? 'groups' : 'people')
            select(null)
          }}
        >
          <Tab eventKey="people" tabContentId="panel-people" title={<TabTitleText>People</TabTitleText>} />
          <Tab eventKey="groups" tabContentId="panel-groups" title={<TabTitleText>Groups</TabTitleText>} />
        </Tabs>
      </PageSection>
      <PageSection hasBodyWrapper={false}>
        <TabContent
          id={`panel-${tab}`}
          eventKey={tab}
          activeKey={tab}
          aria-label={tab === 'people' ? 'People' : 'Groups'}
        >
          {tab === 'people' ? (
            <PeopleTable
              selectedId={selectedId}
              onSelect={select}
              actionsOf={actionsOf}
              presenceNow={presenceNow}
              onPassword={showPassword}
            />
          ) : (
            <GroupsTable selectedId={selectedId} onSelect={select} />
          )}
        </TabContent>
      </PageSection>
      {dialog}
    </DetailDrawer>
  )
}
