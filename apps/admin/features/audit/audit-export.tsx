'use client'

import { Button, Content, ModalBody, ModalFooter, ModalHeader, Progress } from '@patternfly/react-core'
import { useRef, useState } from 'react'
import { Dialog } from '../../components/dialog.tsx'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { api } from '../../lib/api.ts'
import { downloadText } from '../../lib/download.ts'
import { count } from '../../lib/format.ts'

/** Events in one answer: the most that the node gives. */
const pageEvents = 5000
/** Characters gathered in the browser; a longer log is taken with `holdfast audit export`. */
const charactersMax = 256 * 1024 * 1024

interface Progressing {
  events: number
  isDone: boolean
  isCut: boolean
}

function fileName(now: Date): string {
  return `holdfast-audit-${now.toISOString().slice(0, 19).replaceAll(':', '')}Z.audit`
}

/** Fetches the whole log page by page and hands it over as one file. */
export function ExportDialog({ total, onClose }: { total: number; onClose: () => void }) {
  const [progress, setProgress] = useState<Progressing | null>(null)
  const [error, setError] = useState<unknown>(null)
  const stopping = useRef(new AbortController())

  const run = async () => {
    const { signal } = stopping.current
    setError(null)
    setProgress({ events: 0, isDone: false, isCut: false })
    try {
      const pages: string[] = []
      let characters = 0
      let events = 0
      for (let fromSeq: number | null = 1; fromSeq !== null && characters < charactersMax; ) {
        const page: { lines: string; nextSeq: number | null } = await api.audit.export.query(
          { fromSeq, limit: pageEvents },
          { signal },
        )
        pages.push(page.lines)
        characters += page.lines.length
        events += page.lines.split('\n').length - 1
        fromSeq = page.nextSeq
        setProgress({
          events,
          isDone: fromSeq === null,
          isCut: fromSeq !== null && characters >= charactersMax,
        })
      }
      downloadText(fileName(new Date()), pages, 'application/x-ndjson')
    } catch (cause) {
      if (signal.aborted) return
      setProgress(null)
      setError(cause)
    }
  }
  const close = () => {
    stopping.current.abort()
    onClose()
  }
  const isRunning = progress !== null && !progress.isDone && !progress.isCut
  return (
    <Dialog variant="small" isOpen onClose={close} aria-labelledby="export-title">
      <ModalHeader title="Export the audit log" labelId="export-title" />
      <ModalBody>
        <Content component="p">
          One file with every event on a line of its own, exactly as in the segment files: the hash of the
          chain, then the event as JSON. That you took it is itself an event.
        </Content>
        <FailureAlert error={error} onRetry={() => void run()} />
        {progress !== null && (
          <Progress
            title={progress.isDone ? `${count(progress.events, 'event')} exported` : 'Exporting'}
            aria-label="Export"
            value={
              progress.isDone ? 100 : Math.min(99, Math.round((100 * progress.events) / Math.max(1, total)))
            }
            {...(progress.isDone ? { variant: 'success' as const } : {})}
          />
        )}
        {progress?.isCut && (
          <Content component="p">
            The log is longer than a browser holds: the file ends after {count(progress.events, 'event')}.
            Take the whole with <code>holdfast audit export</code>.
          </Content>
        )}
      </ModalBody>
      <ModalFooter>
        {progress === null && <Button onClick={() => void run()}>Export</Button>}
        <Button variant="link" onClick={close}>
          {isRunning ? 'Stop' : 'Close'}
        </Button>
      </ModalFooter>
    </Dialog>
  )
}
