'use client'
import type { ChannelDetail } from '@holdfast/api/services'
import { Button, Label, List, ListItem, Popover, SearchInput } from '@patternfly/react-core'
import { UsersIcon } from '@patternfly/react-icons/dist/esm/icons/users-icon'
import { useState } from 'react'
import { count } from '../../lib/format.ts'
import { PresenceDot } from './channel-looks.tsx'
import css from './messages.module.css'
import { useLive } from './use-messaging.tsx'

/** From so many on, the list can be searched. */
const searchFrom = 12
const roleWords = { member: '', poster: 'Poster', manager: 'Manager' } as const

function Members({ members }: { members: ChannelDetail['members'] }) {
  const presence = useLive((state) => state.presence)
  const [text, setText] = useState('')
  const wanted = text.trim().toLowerCase()
  const shown = members.filter(
    ({ name, displayName }) => name.includes(wanted) || displayName.toLowerCase().includes(wanted),
  )
  return (
    <>
      {members.length >= searchFrom && (
        <SearchInput
          aria-label="Search members"
          placeholder="Name"
          value={text}
          onChange={(_event, value) => setText(value)}
          onClear={() => setText('')}
        />
      )}
      <List isPlain className={css.members} tabIndex={0} aria-label="Members">
        {shown.map((member) => (
          <ListItem
            key={member.id}
            icon={<PresenceDot state={presence.get(member.id)?.state ?? 'offline'} />}
          >
            <span dir="auto" title={member.name}>
              {member.displayName}
            </span>{' '}
            {member.role !== 'member' && <Label isCompact>{roleWords[member.role]}</Label>}
          </ListItem>
        ))}
      </List>
    </>
  )
}

export function MembersButton({ detail }: { detail: ChannelDetail }) {
  return (
    <Popover
      position="bottom-end"
      aria-label="Members"
      headerContent={count(detail.members.length, 'member')}
      minWidth="18rem"
      bodyContent={<Members members={detail.members} />}
    >
      <Button
        variant="plain"
        icon={<UsersIcon />}
        aria-label={`Show ${count(detail.members.length, 'member')}`}
      >
        {detail.members.length}
      </Button>
    </Popover>
  )
}
