'use client'
import { Button } from '@patternfly/react-core'
import { useState } from 'react'
import css from './messages.module.css'
import { linkParts } from './text-parts.ts'

/** Texts longer than this are folded, so that one pasted log does not push the talk away. */
const foldCharacters = 1600
const foldLines = 18

function fold(text: string): string {
  const lines = text.split('\n')
  const short = lines.length > foldLines ? lines.slice(0, foldLines).join('\n') : text
  return short.length > foldCharacters ? short.slice(0, foldCharacters).toWellFormed() : short
}

/** The text as text: React escapes it, and `dir=auto` gives every paragraph its own direction. */
export function MessageBody({ text }: { text: string }) {
  const [open, setOpen] = useState(false)
  const folded = fold(text)
  const isLong = folded.length < text.length
  return (
    <>
      <div className={css.body} dir="auto">
        {linkParts(open ? text : folded).map((part, index) =>
          part.kind === 'link' ? (
            // biome-ignore lint/suspicious/noArrayIndexKey: parts of one text have no identity but their place
            <a key={index} href={part.text} target="_blank" rel="noopener noreferrer nofollow">
              {part.text}
            </a>
          ) : (
            part.text
          ),
        )}
        {isLong && !open ? '…' : ''}
      </div>
      {isLong && (
        <Button variant="link" isInline size="sm" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? 'Show less' : `Show all (${text.length.toLocaleString()} characters)`}
        </Button>
      )}
    </>
  )
}
