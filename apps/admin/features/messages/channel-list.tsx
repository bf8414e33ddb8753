'use client'
import type { ChannelState } from '@holdfast/api/contract/frames'
import { Badge } from '@patternfly/react-core'
import type { KeyboardEvent } from 'react'
import { ChannelMark, channelTitle } from './channel-looks.tsx'
import { unreadText } from './live-state.ts'
import css from './messages.module.css'
import { useLive } from './use-messaging.tsx'

interface ChannelListProps {
  channels: ChannelState[]
  selectedId: string | null
  onOpen: (id: string) => void
}

const sections: { title: string; has: (channel: ChannelState) => boolean }[] = [
  { title: 'Channels', has: (channel) => channel.kind !== 'direct' && !channel.archived },
  { title: 'Direct messages', has: (channel) => channel.kind === 'direct' },
  { title: 'Archived', has: (channel) => channel.kind !== 'direct' && channel.archived },
]

function ChannelRow({
  channel,
  isOpen,
  onOpen,
}: {
  channel: ChannelState
  isOpen: boolean
  onOpen: () => void
}) {
  const presence = useLive((state) => state.presence.get(channel.peer?.id ?? '')?.state ?? 'offline')
  const unread = unreadText(channel.unread)
  const title = channelTitle(channel)
  return (
    <li>
      <button
        type="button"
        className={css.channel}
        aria-current={isOpen}
        data-unread={unread !== null}
        data-channel={channel.id}
        onClick={onOpen}
      >
        <span className={css.channelIcon}>
          <ChannelMark channel={channel} presence={presence} />
        </span>
        <span className={css.channelText}>
          <span className={css.channelName} dir="auto" title={title}>
            {title}
          </span>
        </span>
        {unread !== null && (
          <Badge screenReaderText={channel.unread === 1 ? ' unread message' : ' unread messages'}>
            {unread}
          </Badge>
        )}
      </button>
    </li>
  )
}

/** The person's channels; the arrow keys go up and down, Enter opens. */
export function ChannelList({ channels, selectedId, onOpen }: ChannelListProps) {
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key]
    if (step === undefined) return
    const rows = [...event.currentTarget.querySelectorAll<HTMLElement>('button[data-channel]')]
    const next = rows[rows.indexOf(document.activeElement as HTMLElement) + step]
    if (next === undefined) return
    event.preventDefault()
    next.focus()
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: arrow keys move between the buttons inside
    <div onKeyDown={onKeyDown}>
      {sections.map((section) => {
        const rows = channels
          .filter(section.has)
          .sort((a, b) => channelTitle(a).localeCompare(channelTitle(b), undefined, { numeric: true }))
        if (rows.length === 0) return null
        return (
          <section key={section.title} aria-label={section.title}>
            <h2 className={css.channelsTitle}>{section.title}</h2>
            <ul>
              {rows.map((channel) => (
                <ChannelRow
                  key={channel.id}
                  channel={channel}
                  isOpen={channel.id === selectedId}
                  onOpen={() => onOpen(channel.id)}
                />
              ))}
            </ul>
          </section>
        )
      })}
    </div>
  )
}
