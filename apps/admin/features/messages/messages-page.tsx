'use client'
import { Bullseye, Button, EmptyState, EmptyStateBody, SearchInput, Spinner } from '@patternfly/react-core'
import { CommentsIcon } from '@patternfly/react-icons/dist/esm/icons/comments-icon'
import { useMutation } from '@tanstack/react-query'
import { useSearchParams } from 'next/navigation'
import { useCallback, useEffect, useRef, useState } from 'react'
import { useToasts } from '../../components/toasts.tsx'
import { useSettled } from '../../components/use-settled.ts'
import { trpc } from '../../lib/api.ts'
import { failureOf } from '../../lib/errors.ts'
import { paths } from '../../lib/paths.ts'
import { BrowserDeviceButton } from './browser-device.tsx'
import { ChannelList } from './channel-list.tsx'
import { channelTitle } from './channel-looks.tsx'
import { ConnectionBanner } from './connection-banner.tsx'
import { ConversationView } from './conversation-view.tsx'
import { MessageSearch } from './message-search.tsx'
import css from './messages.module.css'
import { NewsAnnouncer } from './news-announcer.tsx'
import { StartMenu } from './start-menu.tsx'
import { MessagingContext, useLive, useMessagingConnection, usePresenceSignal } from './use-messaging.tsx'

/** Talk: channels at the side, the open one beside it. */
export function MessagesPage() {
  const messaging = useMessagingConnection()
  usePresenceSignal(messaging)
  if (messaging === null)
    return (
      <Bullseye>
        <Spinner aria-label="Connecting" />
      </Bullseye>
    )
  return (
    <MessagingContext value={messaging}>
      <Talk />
    </MessagingContext>
  )
}

/** Where the address points: a channel, and a message in it. */
function useAddress() {
  const query = useSearchParams()
  const seq = Number(query.get('seq') ?? Number.NaN)
  const go = useCallback((address: string) => window.history.pushState(null, '', address), [])
  return {
    id: query.get('id'),
    person: query.get('person'),
    seq: Number.isSafeInteger(seq) && seq > 0 ? seq : null,
    go,
  }
}

/** Opens the direct channel with the person that the address names. */
function useDirectFromAddress(person: string | null, onOpen: (channel: string) => void): void {
  const toasts = useToasts()
  const { mutate } = useMutation(
    trpc.channels.direct.mutationOptions({
      onSuccess: (channel) => onOpen(channel.id),
      onError: (error) => toasts.failure(failureOf(error)),
    }),
  )
  useEffect(() => {
    if (person !== null) mutate({ person })
  }, [person, mutate])
}

/** "/" goes to the search from everywhere on the page where it is not text. */
function useSearchKey(focus: () => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const target = event.target instanceof HTMLElement ? event.target : null
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return
      if (target?.closest('input, textarea, [contenteditable="true"], [role="dialog"]')) return
      event.preventDefault()
      focus()
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [focus])
}

function Talk() {
  const { id, person, seq, go } = useAddress()
  const channels = useLive((state) => state.channels)
  const isConnected = useLive((state) => state.me !== null)
  const [text, setText] = useState('')
  // Texts that are being written, by channel; kept when the person looks into another channel.
  const drafts = useRef(new Map<string, string>())
  const settled = useSettled(text.trim())
  const search = useRef<HTMLInputElement>(null)
  const channel = id === null ? undefined : channels.get(id)

  const open = useCallback((next: string) => go(paths.messages(next)), [go])
  useDirectFromAddress(person, open)
  useSearchKey(useCallback(() => search.current?.focus(), []))
  const onJump = useCallback(
    (next: number | null) => {
      if (id === null || next === seq) return
      go(next === null ? paths.messages(id) : paths.message(id, next))
    },
    [id, seq, go],
  )
  const wanted = text.trim().toLocaleLowerCase()
  const shown = [...channels.values()].filter((each) =>
    `${channelTitle(each)} ${each.peer?.name ?? ''}`.toLocaleLowerCase().includes(wanted),
  )

  return (
    <div className={css.layout} data-open={id !== null}>
      <h1 className="pf-v6-screen-reader">Messages</h1>
      <div className={css.sidebar}>
        <div className={css.sidebarTop}>
          <SearchInput
            ref={search}
            aria-label="Search channels and messages"
            placeholder="Search  ( / )"
            value={text}
            onChange={(_event, value) => setText(value)}
            onClear={() => setText('')}
            onKeyDown={(event) => {
              if (event.key === 'Escape') setText('')
            }}
          />
          <StartMenu onOpen={open} />
        </div>
        <nav className={css.channels} aria-label="Channels">
          <ChannelList channels={shown} selectedId={id} onOpen={open} />
          {isConnected && channels.size === 0 && (
            <p className={css.nothing}>
              You are in no channel yet. Write to somebody or join an open channel with the plus above.
            </p>
          )}
          {wanted !== '' && shown.length === 0 && (
            <p className={css.nothing}>No channel is called “{text.trim()}”.</p>
          )}
          {settled !== '' && wanted !== '' && (
            <MessageSearch
              key={settled}
              text={settled}
              onOpen={(hit, hitSeq) => go(paths.message(hit, hitSeq))}
            />
          )}
        </nav>
        <BrowserDeviceButton />
      </div>
      <section className={css.conversation} aria-label={channel ? channelTitle(channel) : 'Conversation'}>
        {channel !== undefined ? (
          <ConversationView
            key={channel.id}
            channel={channel}
            drafts={drafts.current}
            jumpTo={seq}
            onJump={onJump}
            onBack={() => go(paths.messages())}
          />
        ) : (
          <>
            <ConnectionBanner />
            <NothingOpen
              isConnected={isConnected}
              isMissing={id !== null}
              onBack={() => go(paths.messages())}
            />
          </>
        )}
      </section>
      <NewsAnnouncer openChannel={id} />
    </div>
  )
}

interface NothingOpenProps {
  isConnected: boolean
  /** The address names a channel that the person is not in. */
  isMissing: boolean
  onBack: () => void
}

function NothingOpen({ isConnected, isMissing, onBack }: NothingOpenProps) {
  if (!isConnected)
    return (
      <Bullseye>
        <Spinner aria-label="Connecting" />
      </Bullseye>
    )
  return (
    <EmptyState
      isFullHeight
      headingLevel="h2"
      icon={CommentsIcon}
      titleText={isMissing ? 'You are not in this channel' : 'Choose a channel'}
    >
      <EmptyStateBody>
        {isMissing
          ? 'It may have been left, or removed for you. What is open to you stands at the side.'
          : 'Or press / to search everything that was said, or the plus to write to somebody.'}
      </EmptyStateBody>
      {isMissing && (
        <Button variant="link" onClick={onBack}>
          Show my channels
        </Button>
      )}
    </EmptyState>
  )
}
