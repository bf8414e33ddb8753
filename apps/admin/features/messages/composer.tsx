'use client'
import { limits } from '@holdfast/api/contract/limits'
import type { Priority } from '@holdfast/api/contract/names'
import { Button, MenuToggle, Select, SelectList, SelectOption } from '@patternfly/react-core'
import { PaperPlaneIcon } from '@patternfly/react-icons/dist/esm/icons/paper-plane-icon'
import { TimesIcon } from '@patternfly/react-icons/dist/esm/icons/times-icon'
import { type KeyboardEvent, type RefObject, useEffect, useRef, useState } from 'react'
import { typingMs } from './live-state.ts'
import css from './messages.module.css'
import { Quote } from './quote.tsx'

export type ComposerMode =
  | { kind: 'new' }
  | { kind: 'reply'; seq: number; author: string; text: string }
  | { kind: 'edit'; seq: number; text: string }

export interface ComposerProps {
  /** Name of the channel, for the label. */
  title: string
  draft: string
  mode: ComposerMode
  inputRef: RefObject<HTMLTextAreaElement | null>
  onDraft: (text: string) => void
  onSend: (text: string, priority: Priority) => void
  onCancelMode: () => void
  onEditLast: () => void
  onTyping: () => void
}

const priorityTexts: Record<Priority, { label: string; description: string }> = {
  normal: { label: 'Normal', description: 'Delivered as it comes.' },
  high: { label: 'High', description: 'Stands out in the channel.' },
  urgent: { label: 'Urgent', description: 'Marked red; use it for what can not wait.' },
}

const encoder = new TextEncoder()
const bytesOf = (text: string) => (text.length * 3 <= limits.bodyBytes ? 0 : encoder.encode(text).length)

function PrioritySelect({
  priority,
  onSelect,
}: {
  priority: Priority
  onSelect: (priority: Priority) => void
}) {
  const [open, setOpen] = useState(false)
  return (
    <Select
      isOpen={open}
      selected={priority}
      onOpenChange={setOpen}
      onSelect={(_event, value) => {
        onSelect(value as Priority)
        setOpen(false)
      }}
      toggle={(ref) => (
        <MenuToggle
          ref={ref}
          size="sm"
          variant={priority === 'normal' ? 'plainText' : 'default'}
          isExpanded={open}
          onClick={() => setOpen(!open)}
          aria-label={`Priority: ${priorityTexts[priority].label}`}
          {...(priority === 'urgent' ? { status: 'danger' as const } : {})}
          {...(priority === 'high' ? { status: 'warning' as const } : {})}
        >
          {priority === 'normal' ? 'Priority' : priorityTexts[priority].label}
        </MenuToggle>
      )}
    >
      <SelectList>
        {(Object.keys(priorityTexts) as Priority[]).map((each) => (
          <SelectOption key={each} value={each} description={priorityTexts[each].description}>
            {priorityTexts[each].label}
          </SelectOption>
        ))}
      </SelectList>
    </Select>
  )
}

function Context({ mode, onCancel }: { mode: ComposerMode; onCancel: () => void }) {
  if (mode.kind === 'new') return null
  const quoted =
    mode.kind === 'reply'
      ? { seq: mode.seq, author: `Reply to ${mode.author}`, text: mode.text }
      : { seq: mode.seq, author: 'Edit your message', text: mode.text }
  return (
    <div className={css.context}>
      <Quote quoted={quoted} />
      <Button
        variant="plain"
        size="sm"
        icon={<TimesIcon />}
        aria-label={mode.kind === 'reply' ? 'Do not reply to this message' : 'Stop editing'}
        onClick={onCancel}
      />
    </div>
  )
}

/** Where a message is written. Enter sends, Shift+Enter begins a line, Escape leaves a reply or an edit. */
export function Composer(props: ComposerProps) {
  const { draft, mode, inputRef } = props
  const [priority, setPriority] = useState<Priority>('normal')
  const lastTyping = useRef(0)
  const bytes = bytesOf(draft)
  const isTooLong = bytes > limits.bodyBytes
  const maySend = draft.trim() !== '' && !isTooLong

  useEffect(() => {
    if (mode.kind !== 'new') inputRef.current?.focus()
  }, [mode, inputRef])

  const send = () => {
    if (!maySend) return
    props.onSend(draft, priority)
    setPriority('normal')
    inputRef.current?.focus()
  }
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    // While an input method composes a character, Enter and the arrows belong to it.
    if (event.nativeEvent.isComposing) return
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault()
      send()
    } else if (event.key === 'Escape' && mode.kind !== 'new') {
      event.stopPropagation()
      props.onCancelMode()
    } else if (event.key === 'ArrowUp' && draft === '' && mode.kind === 'new') {
      event.preventDefault()
      props.onEditLast()
    }
  }
  const onChange = (text: string) => {
    props.onDraft(text)
    const now = Date.now()
    if (text !== '' && mode.kind !== 'edit' && now - lastTyping.current > typingMs / 3) {
      lastTyping.current = now
      props.onTyping()
    }
  }

  return (
    <div className={css.composer}>
      <div className={css.composerBox}>
        <Context mode={mode} onCancel={props.onCancelMode} />
        <textarea
          ref={inputRef}
          dir="auto"
          rows={1}
          value={draft}
          placeholder={`Message ${props.title}`}
          aria-label={`Message ${props.title}`}
          aria-invalid={isTooLong}
          onChange={(event) => onChange(event.target.value)}
          onKeyDown={onKeyDown}
        />
        <div className={css.composerBar}>
          {mode.kind !== 'edit' && <PrioritySelect priority={priority} onSelect={setPriority} />}
          <span className={`${css.subtle} ${css.hint}`}>
            {isTooLong
              ? `${(bytes - limits.bodyBytes).toLocaleString()} bytes too long; a message holds ${limits.bodyBytes / 1024} KiB.`
              : 'Enter sends, Shift+Enter begins a new line'}
          </span>
          <Button size="sm" icon={<PaperPlaneIcon />} isDisabled={!maySend} onClick={send}>
            {mode.kind === 'edit' ? 'Save' : 'Send'}
          </Button>
        </div>
      </div>
    </div>
  )
}
