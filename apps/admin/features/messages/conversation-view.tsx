'use client'
import type { ChannelState, Entry } from '@holdfast/api/contract/frames'
import type { Priority } from '@holdfast/api/contract/names'
import { Bullseye, Button, Content, HelperText, HelperTextItem, Label, Spinner } from '@patternfly/react-core'
import { ArrowLeftIcon } from '@patternfly/react-icons/dist/esm/icons/arrow-left-icon'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { ConfirmDialog } from '../../components/confirm-dialog.tsx'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { useToasts } from '../../components/toasts.tsx'
import { failureOf } from '../../lib/errors.ts'
import { ChannelMark, channelTitle, kindTexts } from './channel-looks.tsx'
import { Composer, type ComposerMode } from './composer.tsx'
import { ConnectionBanner } from './connection-banner.tsx'
import { MembersButton } from './members-button.tsx'
import css from './messages.module.css'
import { type TimelineHandlers, TimelineView } from './timeline-view.tsx'
import { TypingLine } from './typing-line.tsx'
import { useAuthorOf } from './use-authors.tsx'
import { useMembers } from './use-members.ts'
import { useIsWatched, useLive, useMessaging } from './use-messaging.tsx'

interface ConversationViewProps {
  channel: ChannelState
  drafts: Map<string, string>
  jumpTo: number | null
  onJump: (seq: number | null) => void
  onBack: () => void
}

/** One channel: what was said, and where to write. */
export function ConversationView({ channel, drafts, jumpTo, onJump, onBack }: ConversationViewProps) {
  const { id } = channel
  const messaging = useMessaging()
  const toasts = useToasts()
  const authorOf = useAuthorOf()
  const me = useLive((state) => state.me?.id ?? '')
  const conversation = useLive((state) => state.conversations.get(id))
  const presence = useLive((state) => state.presence.get(channel.peer?.id ?? '')?.state ?? 'offline')
  const { detail, marks } = useMembers(id)
  const [failure, setFailure] = useState<unknown>(null)
  const [draft, setDraft] = useState(drafts.get(id) ?? '')
  const [mode, setMode] = useState<ComposerMode>({ kind: 'new' })
  const [removing, setRemoving] = useState<Entry | null>(null)
  const [isRemoving, setIsRemoving] = useState(false)
  const [isAtEnd, setIsAtEnd] = useState(false)
  const [unreadAfter, setUnreadAfter] = useState<number | null>(
    channel.read < channel.head ? channel.read : null,
  )
  const input = useRef<HTMLTextAreaElement>(null)
  const isWatched = useIsWatched()
  const isLoaded = conversation !== undefined

  const load = useCallback(async () => {
    setFailure(null)
    try {
      await messaging.open(id)
      if (jumpTo !== null) await messaging.showAround(id, jumpTo)
    } catch (error) {
      setFailure(error)
    }
  }, [messaging, id, jumpTo])
  // A window that was dropped, because retention overtook it, is loaded again as well.
  // biome-ignore lint/correctness/useExhaustiveDependencies: see above
  useEffect(() => void load(), [load, isLoaded])

  // Whoever comes back to the page finds a line above what arrived meanwhile.
  const wasWatched = useRef(isWatched)
  useEffect(() => {
    if (wasWatched.current && !isWatched) setUnreadAfter(null)
    if (!wasWatched.current && isWatched && channel.read < channel.head) setUnreadAfter(channel.read)
    wasWatched.current = isWatched
  }, [isWatched, channel.read, channel.head])
  useEffect(() => {
    if (isWatched && isAtEnd && isLoaded) messaging.markRead(id, channel.head)
  }, [isWatched, isAtEnd, isLoaded, messaging, id, channel.head])

  const tried = useCallback(
    async (work: Promise<unknown>) => {
      try {
        await work
      } catch (error) {
        toasts.failure(failureOf(error))
      }
    },
    [toasts],
  )
  const onDraft = useCallback(
    (text: string) => {
      setDraft(text)
      drafts.set(id, text)
    },
    [drafts, id],
  )
  const actions = useMemo(
    () => ({
      reply: (entry: Entry) =>
        setMode({
          kind: 'reply',
          seq: entry.seq,
          author: authorOf(entry.from).displayName,
          text: entry.body,
        }),
      edit: (entry: Entry) => {
        setMode({ kind: 'edit', seq: entry.seq, text: entry.body })
        onDraft(entry.body)
      },
      remove: setRemoving,
      jump: onJump,
    }),
    [authorOf, onDraft, onJump],
  )
  const leaveMode = () => {
    if (mode.kind === 'edit') onDraft('')
    setMode({ kind: 'new' })
  }
  const send = (text: string, priority: Priority) => {
    if (mode.kind === 'edit') void tried(messaging.edit(id, mode.seq, text))
    else {
      const post = () =>
        messaging.send(id, { body: text, priority, reply: mode.kind === 'reply' ? mode.seq : null })
      setUnreadAfter(null)
      onJump(null)
      void tried(messaging.showEnd(id).then(post))
    }
    setMode({ kind: 'new' })
    onDraft('')
  }
  const editLast = () => {
    const own = conversation?.entries.findLast(
      (entry) => entry.kind === 'text' && entry.from === me && entry.deleted !== true,
    )
    if (own !== undefined) actions.edit(own)
  }
  const remove = async () => {
    if (removing === null) return
    setIsRemoving(true)
    await tried(messaging.remove(id, removing.seq))
    setIsRemoving(false)
    setRemoving(null)
    input.current?.focus()
  }
  const title = channelTitle(channel)
  // Kept the same, so that the timeline does not draw again for every letter that is typed below it.
  const handlers = useMemo<TimelineHandlers>(
    () => ({
      onOlder: () => void tried(messaging.showOlder(id)),
      onNewer: () => void tried(messaging.showNewer(id)),
      onNewest: () => {
        onJump(null)
        void tried(messaging.showEnd(id))
      },
      onAtEnd: setIsAtEnd,
      onRetry: (pending) => messaging.retry(id, pending),
      onDiscard: (pendingId) => messaging.discard(id, pendingId),
    }),
    [messaging, id, onJump, tried],
  )

  return (
    <>
      <header className={css.top}>
        <Button
          variant="plain"
          className={css.back}
          icon={<ArrowLeftIcon />}
          aria-label="Back to the channels"
          onClick={onBack}
        />
        <div className={css.topText}>
          <h2>
            <ChannelMark channel={channel} presence={presence} />
            <span dir="auto" title={title}>
              {title}
            </span>
            {channel.archived && <Label isCompact>Archived</Label>}
          </h2>
          <div className={css.topic} dir="auto" title={channel.topic}>
            {channel.topic || (channel.kind === 'direct' ? presence : kindTexts[channel.kind].text)}
          </div>
        </div>
        {detail && channel.kind !== 'direct' && <MembersButton detail={detail} />}
      </header>
      <ConnectionBanner />
      {failure !== null && <FailureAlert error={failure} onRetry={() => void load()} />}
      {conversation === undefined ? (
        <Bullseye>{failure === null && <Spinner aria-label="Loading the messages" />}</Bullseye>
      ) : (
        <TimelineView
          conversation={conversation}
          me={me}
          marks={marks}
          unreadAfter={unreadAfter}
          unread={channel.unread}
          jumpTo={jumpTo}
          mayPost={channel.mayPost && !channel.archived}
          actions={actions}
          handlers={handlers}
        />
      )}
      <TypingLine channel={id} />
      {channel.mayPost && !channel.archived ? (
        <Composer
          title={title}
          draft={draft}
          mode={mode}
          inputRef={input}
          onDraft={onDraft}
          onSend={send}
          onCancelMode={leaveMode}
          onEditLast={editLast}
          onTyping={() => messaging.typing(id)}
        />
      ) : (
        <HelperText className={css.composer}>
          <HelperTextItem variant="indeterminate">
            {channel.archived
              ? 'This channel is archived: it can be read and searched, and nobody writes in it.'
              : 'Only posters and managers write in this channel.'}
          </HelperTextItem>
        </HelperText>
      )}
      <ConfirmDialog
        isOpen={removing !== null}
        isDanger
        title="Delete this message?"
        confirm="Delete"
        isPending={isRemoving}
        onConfirm={() => void remove()}
        onClose={() => setRemoving(null)}
      >
        <Content component="p">
          Its text is removed for everybody and can not be brought back. That there was a message, and that
          you deleted it, stays visible.
        </Content>
        <blockquote className={css.removing} dir="auto">
          {removing?.body}
        </blockquote>
      </ConfirmDialog>
    </>
  )
}
