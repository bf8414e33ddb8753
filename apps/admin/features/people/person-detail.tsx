'use client'

import { roleTitles } from '@holdfast/api/contract/policy'
import type { PersonDetail, SessionView } from '@holdfast/api/services'
import { Label, LabelGroup, List, ListItem, Title } from '@patternfly/react-core'
import Link from 'next/link'
import type { ReactNode } from 'react'
import { Facts } from '../../components/facts.tsx'
import { RelativeTime } from '../../components/relative-time.tsx'
import { StatusLabel } from '../../components/status-label.tsx'
import { paths } from '../../lib/paths.ts'
import { TargetHistory } from '../audit/target-history.tsx'
import { useAllowed } from '../session/use-session.ts'

function Part({ title, isEmpty, children }: { title: string; isEmpty: string | null; children: ReactNode }) {
  return (
    <section>
      <Title headingLevel="h3" size="md">
        {title}
      </Title>
      {isEmpty === null ? children : <span className="hf-subtle">{isEmpty}</span>}
    </section>
  )
}

function Session({ session }: { session: SessionView }) {
  return (
    <ListItem>
      <span dir="auto">{session.deviceName ?? (session.userAgent || 'Unknown program')}</span>
      {session.current && <Label isCompact>this one</Label>}
      <div className="hf-subtle">
        from {session.remote}, since <RelativeTime at={session.createdAt} />, ends{' '}
        <RelativeTime at={session.expiresAt} />
      </div>
    </ListItem>
  )
}

/** Everything about one person. */
export function PersonDetailView({ person }: { person: PersonDetail }) {
  const may = useAllowed()
  const channels = person.channels.filter((channel) => channel.kind !== 'direct')
  return (
    <>
      <Facts
        label="Person"
        facts={[
          { term: 'Signs in as', value: person.name },
          { term: 'Role', value: roleTitles[person.role] },
          { term: 'Kind', value: person.kind === 'service' && 'Service account' },
          {
            term: 'Locked out',
            value: person.lockedUntil !== null && <RelativeTime at={person.lockedUntil} />,
          },
          { term: 'Password', value: person.mustChange && 'Has to be changed at the next sign-in' },
          { term: 'Last seen', value: <RelativeTime at={person.lastSeenAt} /> },
          { term: 'Added', value: <RelativeTime at={person.createdAt} /> },
          {
            term: 'Talk',
            value: may('channels.direct') && person.status === 'active' && (
              <Link href={paths.direct(person.id)}>Write a message</Link>
            ),
          },
        ]}
      />
      <Part title="Groups" isEmpty={person.groups.length === 0 ? 'In no group.' : null}>
        <LabelGroup aria-label="Groups" numLabels={12}>
          {person.groups.map((group) => (
            <Label key={group.id} color="blue" textMaxWidth="14rem">
              {group.name}
            </Label>
          ))}
        </LabelGroup>
      </Part>
      <Part title="Channels" isEmpty={channels.length === 0 ? 'In no channel.' : null}>
        <LabelGroup aria-label="Channels" numLabels={12}>
          {channels.map((channel) => (
            <Label key={channel.id} variant="outline" textMaxWidth="14rem">
              {channel.name}
            </Label>
          ))}
        </LabelGroup>
      </Part>
      <Part title="Devices" isEmpty={person.devices.length === 0 ? 'No device.' : null}>
        <List isPlain isBordered>
          {person.devices.map((device) => (
            <ListItem key={device.id}>
              <Link href={paths.devices(device.id)}>{device.name}</Link>{' '}
              <StatusLabel status={device.status} />
              <div className="hf-subtle">
                {device.platform !== '' && `${device.platform}, `}last seen{' '}
                <RelativeTime at={device.lastSeenAt} />
              </div>
            </ListItem>
          ))}
        </List>
      </Part>
      <Part title="Sessions" isEmpty={person.sessions.length === 0 ? 'Not signed in anywhere.' : null}>
        <List isPlain isBordered>
          {person.sessions.map((session) => (
            <Session key={session.id} session={session} />
          ))}
        </List>
      </Part>
      {may('audit.search') && (
        <Part title="History" isEmpty={null}>
          <TargetHistory target={person.id} />
        </Part>
      )}
    </>
  )
}
