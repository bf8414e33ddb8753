'use client'

import { Button, Tooltip } from '@patternfly/react-core'
import { CheckIcon } from '@patternfly/react-icons/dist/esm/icons/check-icon'
import { CopyIcon } from '@patternfly/react-icons/dist/esm/icons/copy-icon'
import { useEffect, useState } from 'react'
import { shortHash } from '../lib/format.ts'

interface CopyableTextProps {
  text: string
  /** What it is, for the button: "CA fingerprint". */
  label: string
  /** Shows only so many characters; the whole is in the tooltip and is what gets copied. */
  shown?: number
  /** Breaks over several lines instead of being cut. */
  isWrapped?: boolean
}

/** How long the check mark tells that it was copied. */
const copiedMs = 2000

/** A hash, fingerprint or code in fixed-width letters with a button to copy it. */
export function CopyableText({ text, label, shown, isWrapped = false }: CopyableTextProps) {
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return
    const timer = setTimeout(() => setCopied(false), copiedMs)
    return () => clearTimeout(timer)
  }, [copied])

  const visible = (
    <span className={isWrapped ? 'hf-code hf-code-wrap' : 'hf-code'}>
      {shortHash(text, shown ?? text.length)}
    </span>
  )
  return (
    <span className="hf-copyable">
      {shown !== undefined && text.length > shown ? <Tooltip content={text}>{visible}</Tooltip> : visible}
      <Button
        variant="plain"
        size="sm"
        hasNoPadding
        aria-label={copied ? `${label} copied` : `Copy ${label}`}
        icon={copied ? <CheckIcon /> : <CopyIcon />}
        onClick={() => void navigator.clipboard.writeText(text).then(() => setCopied(true))}
      />
    </span>
  )
}
