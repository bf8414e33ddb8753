'use client'
import type { ChannelState, PresenceState } from '@holdfast/api/contract/frames'
import type { ChannelKind } from '@holdfast/api/contract/names'
import { BullhornIcon } from '@patternfly/react-icons/dist/esm/icons/bullhorn-icon'
import { HashtagIcon } from '@patternfly/react-icons/dist/esm/icons/hashtag-icon'
import { UserIcon } from '@patternfly/react-icons/dist/esm/icons/user-icon'
import { UsersIcon } from '@patternfly/react-icons/dist/esm/icons/users-icon'
import type { ComponentType } from 'react'
import css from './messages.module.css'

export const kindIcons: Record<ChannelKind, ComponentType> = {
  direct: UserIcon,
  group: UsersIcon,
  open: HashtagIcon,
  announcement: BullhornIcon,
}

/** What each kind of channel is for, in one sentence. */
export const kindTexts: Record<ChannelKind, { title: string; text: string }> = {
  direct: { title: 'Direct', text: 'Two people, nobody else.' },
  group: { title: 'Group', text: 'Only its members see it. Managers add people and groups.' },
  open: { title: 'Open', text: 'Everybody finds it and can join it by himself.' },
  announcement: { title: 'Announcement', text: 'Its members read; only posters and managers write.' },
}

export const channelTitle = (channel: ChannelState) => channel.peer?.displayName ?? channel.name ?? 'Channel'

const stateWords = { online: 'online', away: 'away', offline: 'offline' } as const

export function PresenceDot({ state }: { state: PresenceState['state'] }) {
  return (
    <span
      className={css.dot}
      data-state={state}
      role="img"
      aria-label={stateWords[state]}
      title={stateWords[state]}
    />
  )
}

/** The kind of a channel as an icon; for a direct one, whether the other person is here. */
export function ChannelMark({
  channel,
  presence,
}: {
  channel: ChannelState
  presence: PresenceState['state']
}) {
  if (channel.kind === 'direct') return <PresenceDot state={presence} />
  const Icon = kindIcons[channel.kind]
  return <Icon />
}
