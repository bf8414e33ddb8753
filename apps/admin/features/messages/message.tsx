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
import { ReplyQuote } from './quote.tsx'
import { ReceiptMark } from './receipt-mark.tsx'
import { type MemberMark, receipts } from './receipts.ts'
import { clockTime, fullTime } from './when.ts'

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
  /** The members' marks, for own messages. */
  marks: readonly MemberMark[] | null
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

function Content({ entry, actions }: MessageProps) {
  if (entry.deleted === true) return <p className={css.tombstone}>This message was deleted.</p>
  return (
    <>
      {entry.target !== undefined && (
        <ReplyQuote channel={entry.channel} seq={entry.target} onJump={actions.jump} />
      )}
      <PriorityLabel priority={entry.priority} />
      <MessageBody text={entry.body} />
      {entry.revision !== undefined && <span className={css.edited}>(edited)</span>}
    </>
  )
}

/** One message. Its neighbours do not draw again when it changes. */
export const Message = memo(function Message(props: MessageProps) {
  const { entry, author, opensGroup, mine, active, highlighted, marks } = props
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
        {marks !== null && entry.deleted !== true && (
          <ReceiptMark receipts={receipts(marks, entry.seq, entry.from)} tabIndex={active ? 0 : -1} />
        )}
      </div>
      {entry.deleted !== true && <Tools {...props} />}
    </article>
  )
})
