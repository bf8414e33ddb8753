'use client'
import type { Entry } from '@holdfast/api/contract/frames'
import { Button, Label, Tooltip } from '@patternfly/react-core'
import { ExclamationCircleIcon } from '@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon'
import { PencilAltIcon } from '@patternfly/react-icons/dist/esm/icons/pencil-alt-icon'
import { ReplyIcon } from '@patternfly/react-icons/dist/esm/icons/reply-icon'
import { TrashIcon } from '@patternfly/react-icons/dist/esm/icons/trash-icon'
import { memo } from 'react'
import { type Author, AuthorDisc } from './author.tsx'
import { MessageBody } from './message-body.tsx'
import css from './messages.module.css'
import { ReceiptMark } from './receipt-mark.tsx'
import type { Receipts } from './receipts.ts'
import { clockTime, fullTime } from './when.ts'

export interface Quoted {
  seq: number
  author: string
  /** Null while it is fetched; the empty text when it was deleted. */
  text: string | null
}

export interface MessageActions {
  reply(entry: Entry): void
  edit(entry: Entry): void
  remove(entry: Entry): void
  jump(seq: number): void
  activate(seq: number): void
}

export interface MessageProps {
  entry: Entry
  author: Author
  opensGroup: boolean
  mine: boolean
  /** The one message that Tab reaches; arrow keys move it. */
  active: boolean
  highlighted: boolean
  quoted: Quoted | null
  /** For own messages. */
  receipts: Receipts | null
  mayReply: boolean
  mayChange: boolean
  actions: MessageActions
}

export function PriorityLabel({ priority }: { priority: Entry['priority'] }) {
  if (priority === undefined || priority === 'normal') return null
  return (
    <Label isCompact color={priority === 'urgent' ? 'red' : 'orange'} icon={<ExclamationCircleIcon />}>
      {priority === 'urgent' ? 'Urgent' : 'High priority'}
    </Label>
  )
}

export function Quote({ quoted, onJump }: { quoted: Quoted; onJump?: () => void }) {
  const text = quoted.text === '' ? 'This message was deleted.' : (quoted.text ?? 'Loading…')
  const content = (
    <>
      <strong dir="auto">{quoted.author}</strong>
      <span dir="auto">{text}</span>
    </>
  )
  if (onJump === undefined) return <div className={css.quote}>{content}</div>
  return (
    <button
      type="button"
      className={css.quote}
      onClick={onJump}
      aria-label={`Go to the answered message of ${quoted.author}`}
    >
      {content}
    </button>
  )
}

function Tools({ entry, active, mayReply, mayChange, actions }: MessageProps) {
  const tabIndex = active ? 0 : -1
  return (
    <div className={css.tools}>
      {mayReply && (
        <Tooltip content="Reply">
          <Button
            variant="plain"
            size="sm"
            tabIndex={tabIndex}
            aria-label="Reply"
            icon={<ReplyIcon />}
            onClick={() => actions.reply(entry)}
          />
        </Tooltip>
      )}
      {mayChange && (
        <>
          <Tooltip content="Edit">
            <Button
              variant="plain"
              size="sm"
              tabIndex={tabIndex}
              aria-label="Edit"
              icon={<PencilAltIcon />}
              onClick={() => actions.edit(entry)}
            />
          </Tooltip>
          <Tooltip content="Delete">
            <Button
              variant="plain"
              size="sm"
              tabIndex={tabIndex}
              aria-label="Delete"
              icon={<TrashIcon />}
              onClick={() => actions.remove(entry)}
            />
          </Tooltip>
        </>
      )}
    </div>
  )
}

function Content({ entry, quoted, actions }: MessageProps) {
  if (entry.deleted === true) return <p className={css.tombstone}>This message was deleted.</p>
  return (
    <>
      {quoted !== null && <Quote quoted={quoted} onJump={() => actions.jump(quoted.seq)} />}
      <PriorityLabel priority={entry.priority} />
      <MessageBody text={entry.body} />
      {entry.revision !== undefined && <span className={css.edited}>(edited)</span>}
    </>
  )
}

/** One message. Its neighbours do not draw again when it changes. */
export const Message = memo(function Message(props: MessageProps) {
  const { entry, author, opensGroup, mine, active, highlighted, receipts } = props
  const classes = [
    css.message,
    opensGroup ? css.opens : '',
    highlighted ? css.highlighted : '',
    entry.priority === 'urgent' && entry.deleted !== true ? css.urgent : '',
  ]
  return (
    <article
      id={`message-${entry.seq}`}
      data-seq={entry.seq}
      className={classes.join(' ')}
      tabIndex={active ? 0 : -1}
      aria-label={`${mine ? 'You' : author.displayName}, ${clockTime(entry.at)}`}
      onFocus={() => props.actions.activate(entry.seq)}
    >
      <div className={css.gutter}>
        {opensGroup ? (
          <AuthorDisc author={author} />
        ) : (
          <time className={css.sideTime} title={fullTime(entry.at)}>
            {clockTime(entry.at)}
          </time>
        )}
      </div>
      <div className={css.content}>
        {opensGroup && (
          <header className={css.heading}>
            <strong dir="auto" title={author.name}>
              {author.displayName}
            </strong>
            {mine && <span className={css.subtle}>you</span>}
            <time dateTime={new Date(entry.at).toISOString()} title={fullTime(entry.at)}>
              {clockTime(entry.at)}
            </time>
          </header>
        )}
        <Content {...props} />
        {receipts !== null && entry.deleted !== true && (
          <ReceiptMark receipts={receipts} tabIndex={active ? 0 : -1} />
        )}
      </div>
      {entry.deleted !== true && <Tools {...props} />}
    </article>
  )
})
