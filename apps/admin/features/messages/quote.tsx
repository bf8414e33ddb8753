'use client'
import { useQuery } from '@tanstack/react-query'
import css from './messages.module.css'
import { useAuthorOf } from './use-authors.tsx'
import { useLive, useMessaging } from './use-messaging.tsx'

export interface Quoted {
  author: string
  text: string
}

export function Quote({ quoted, onJump }: { quoted: Quoted; onJump?: () => void }) {
  const content = (
    <>
      <strong dir="auto">{quoted.author}</strong>
      <span dir="auto">{quoted.text}</span>
    </>
  )
  if (onJump === undefined) return <div className={css.quote}>{content}</div>
  return (
    <button type="button" tabIndex={-1} className={css.quote} onClick={onJump}>
      {content}
    </button>
  )
}

interface ReplyQuoteProps {
  channel: string
  /** Of the entry that is answered. */
  seq: number
  onJump: (seq: number) => void
}

/** What a message answers: from the window, or fetched when it stands further back. */
export function ReplyQuote({ channel, seq, onJump }: ReplyQuoteProps) {
  const messaging = useMessaging()
  const authorOf = useAuthorOf()
  const near = useLive((state) =>
    state.conversations.get(channel)?.entries.find((entry) => entry.seq === seq),
  )
  const far = useQuery({
    queryKey: ['entry', channel, seq],
    queryFn: () => messaging.entry(channel, seq),
    enabled: near === undefined,
    staleTime: Number.POSITIVE_INFINITY,
  })
  const entry = near ?? far.data
  if (entry === undefined)
    return (
      <Quote
        quoted={{ author: 'Reply', text: far.isError ? 'The message could not be loaded.' : 'Loading…' }}
      />
    )
  if (entry === null)
    return <Quote quoted={{ author: 'Reply', text: 'The message is older than what is kept.' }} />
  const text = entry.deleted === true ? 'This message was deleted.' : entry.body
  return <Quote quoted={{ author: authorOf(entry.from).displayName, text }} onJump={() => onJump(seq)} />
}
