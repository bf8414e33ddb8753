'use client'
import { Button, Spinner } from '@patternfly/react-core'
import { ArrowDownIcon } from '@patternfly/react-icons/dist/esm/icons/arrow-down-icon'
import { type KeyboardEvent, memo, useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { nodeNow } from '../../lib/clock.ts'
import { type Conversation, hasOlder, type PendingSend, reachesHead } from './conversation.ts'
import { unreadText } from './live-state.ts'
import { Message, type MessageActions } from './message.tsx'
import css from './messages.module.css'
import { PendingMessage } from './pending-message.tsx'
import type { MemberMark } from './receipts.ts'
import { closesGroup, timeline } from './timeline.ts'
import { useAnchoredScroll } from './use-anchored-scroll.ts'
import { useAuthorOf } from './use-authors.tsx'
import { dayTitle } from './when.ts'

export interface TimelineHandlers {
  onOlder: () => void
  onNewer: () => void
  onNewest: () => void
  onAtEnd: (isAtEnd: boolean) => void
  onRetry: (send: PendingSend) => void
  onDiscard: (id: string) => void
}

interface TimelineViewProps {
  conversation: Conversation
  me: string
  marks: readonly MemberMark[]
  unreadAfter: number | null
  unread: number
  /** The entry to show, from a search or a quotation. */
  jumpTo: number | null
  mayPost: boolean
  actions: Omit<MessageActions, 'activate'>
  handlers: TimelineHandlers
}

/** The talk of one channel. Arrow keys go from message to message; Tab reaches the buttons of the one that has focus. */
export const TimelineView = memo(function TimelineView(props: TimelineViewProps) {
  const { conversation, me, jumpTo, actions, handlers } = props
  const authorOf = useAuthorOf()
  const [active, setActive] = useState<number | null>(null)
  const [isAtEnd, setIsAtEnd] = useState(true)
  const isAtHead = reachesHead(conversation)
  const items = useMemo(
    () => timeline(conversation.entries, props.unreadAfter, me),
    [conversation.entries, props.unreadAfter, me],
  )
  const content = useMemo(() => [items, conversation.pending], [items, conversation.pending])
  const { scroller, onScroll, toEnd, toElement } = useAnchoredScroll({
    content,
    isAtHead,
    // A channel opens at its unread line, so that the person reads on where he stopped.
    beginAt: '[data-unread-line]',
    onNearTop: handlers.onOlder,
    onNearEnd: handlers.onNewer,
    onAtEnd: (now) => {
      setIsAtEnd(now)
      handlers.onAtEnd(now)
    },
  })

  const shownJump = useRef<number | null>(null)
  useEffect(() => {
    if (jumpTo === null) shownJump.current = null
    if (jumpTo === null || shownJump.current === jumpTo) return
    const element = scroller.current?.querySelector<HTMLElement>(`[data-seq="${jumpTo}"]`)
    if (!element) return
    shownJump.current = jumpTo
    toElement(element)
    setActive(jumpTo)
    element.focus({ preventScroll: true })
  })

  const activate = useCallback((seq: number) => setActive(seq), [])
  const all = useMemo<MessageActions>(() => ({ ...actions, activate }), [actions, activate])
  const newest = items.findLast((item) => item.kind === 'message')
  const tabStop = active ?? (newest?.kind === 'message' ? newest.entry.seq : null)

  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key]
    const message = event.target instanceof Element ? event.target.closest('article') : null
    if (step === undefined || message === null || message !== event.target) return
    const messages = [...(scroller.current?.querySelectorAll<HTMLElement>('article[data-seq]') ?? [])]
    const next = messages[messages.indexOf(message) + step]
    if (next === undefined) return
    event.preventDefault()
    next.focus()
  }
  const onNewest = () => {
    handlers.onNewest()
    toEnd()
  }

  return (
    <div className={css.area}>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: arrow keys move between the focusable messages inside */}
      <div ref={scroller} className={css.scroller} onScroll={onScroll} onKeyDown={onKeyDown}>
        {hasOlder(conversation) ? (
          <div className={css.notice}>
            <Spinner size="md" aria-label="Loading older messages" />
          </div>
        ) : (
          <p className={css.notice}>
            {conversation.floor > 1
              ? 'Older messages were removed by retention.'
              : 'This is where the talk begins.'}
          </p>
        )}
        {items.map((item, index) => {
          if (item.kind === 'day')
            return (
              <h3 key={item.key} className={css.day}>
                {dayTitle(item.at, nodeNow())}
              </h3>
            )
          if (item.kind === 'unread')
            return (
              <div key={item.key} className={css.unread} data-unread-line>
                Unread
              </div>
            )
          if (item.kind === 'notice')
            return (
              <p key={item.key} className={css.notice} data-seq={item.entry.seq} dir="auto">
                {item.entry.body}
              </p>
            )
          const { entry } = item
          const mine = entry.from === me
          return (
            <Message
              key={item.key}
              entry={entry}
              author={authorOf(entry.from)}
              opensGroup={item.opensGroup}
              mine={mine}
              active={tabStop === entry.seq}
              highlighted={jumpTo === entry.seq}
              marks={mine && (closesGroup(items, index) || tabStop === entry.seq) ? props.marks : null}
              mayReply={props.mayPost}
              mayChange={mine && props.mayPost}
              actions={all}
            />
          )
        })}
        {isAtHead &&
          conversation.pending.map((send) => (
            <PendingMessage
              key={send.id}
              send={send}
              author={authorOf(me)}
              onRetry={() => handlers.onRetry(send)}
              onDiscard={() => handlers.onDiscard(send.id)}
            />
          ))}
      </div>
      {(!isAtEnd || !isAtHead) && (
        <div className={css.newest}>
          <Button
            variant={props.unread > 0 ? 'primary' : 'secondary'}
            size="sm"
            icon={<ArrowDownIcon />}
            onClick={onNewest}
          >
            {newMessagesText(props.unread)}
          </Button>
        </div>
      )}
    </div>
  )
})

function newMessagesText(unread: number): string {
  const text = unreadText(unread)
  return text === null ? 'Newest' : `${text} new ${unread === 1 ? 'message' : 'messages'}`
}
