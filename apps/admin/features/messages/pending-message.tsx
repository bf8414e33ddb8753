'use client'
import { Button, Spinner } from '@patternfly/react-core'
import { type Author, AuthorDisc } from './author.tsx'
import type { PendingSend } from './conversation.ts'
import { PriorityLabel } from './message.tsx'
import { MessageBody } from './message-body.tsx'
import css from './messages.module.css'

interface PendingMessageProps {
  send: PendingSend
  author: Author
  onRetry: () => void
  onDiscard: () => void
}

/** A message that the node has not acknowledged: on its way, or refused and why. */
export function PendingMessage({ send, author, onRetry, onDiscard }: PendingMessageProps) {
  const isFailed = send.failure !== null
  return (
    <div className={`${css.message} ${css.opens}`}>
      <div className={css.gutter}>
        <AuthorDisc author={author} />
      </div>
      <div className={css.content}>
        <div className={isFailed ? undefined : css.pending}>
          <PriorityLabel priority={send.priority} />
          <MessageBody text={send.body} />
        </div>
        {isFailed ? (
          <div className={css.failed} role="alert">
            Not sent. {send.failure}
            <Button variant="link" isInline size="sm" onClick={onRetry}>
              Send again
            </Button>
            <Button variant="link" isInline size="sm" onClick={onDiscard}>
              Discard
            </Button>
          </div>
        ) : (
          <span className={css.subtle}>
            <Spinner isInline size="sm" aria-hidden="true" /> Sending…
          </span>
        )}
      </div>
    </div>
  )
}
