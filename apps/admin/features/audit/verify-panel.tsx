'use client'

import type { AuditVerdict } from '@holdfast/api/services'
import { Alert, AlertActionCloseButton, List, ListItem } from '@patternfly/react-core'
import { CopyableText } from '../../components/copyable-text.tsx'
import { count, formatMs } from '../../lib/format.ts'

/** Faults shown; the command line names them all. */
const faultsShown = 20

/** What the check of the whole chain found. */
export function VerifyPanel({ verdict, onClose }: { verdict: AuditVerdict; onClose: () => void }) {
  const what = `${count(verdict.events, 'event')} in ${count(verdict.segments, 'segment file')}, checked in ${formatMs(verdict.tookMs)}.`
  if (verdict.ok)
    return (
      <Alert
        variant="success"
        isInline
        role="status"
        title="The audit log is complete and unaltered"
        actionClose={<AlertActionCloseButton title="The verdict" onClose={onClose} />}
      >
        <p>
          {what} {count(verdict.checkpoints, 'signed checkpoint')}{' '}
          {verdict.checkpoints === 1 ? 'agrees' : 'agree'} with it.
        </p>
        <p>
          Hash of the newest event:{' '}
          <CopyableText text={verdict.head} label="hash of the newest event" isWrapped />
        </p>
        <p>Keep this hash outside of the node: whoever alters the log later can not arrive at it again.</p>
      </Alert>
    )
  return (
    <Alert
      variant="danger"
      isInline
      role="alert"
      title={`The audit log does not verify: ${count(verdict.faults.length, 'fault')}`}
      actionClose={<AlertActionCloseButton title="The verdict" onClose={onClose} />}
    >
      <p>{what} Do not repair anything: keep the data folder as it is and tell the security officer.</p>
      <List>
        {verdict.faults.slice(0, faultsShown).map((fault) => (
          <ListItem key={fault}>{fault}</ListItem>
        ))}
      </List>
      {verdict.faults.length > faultsShown && (
        <p>
          And {verdict.faults.length - faultsShown} more; <code>holdfast audit verify</code> names all.
        </p>
      )}
    </Alert>
  )
}
