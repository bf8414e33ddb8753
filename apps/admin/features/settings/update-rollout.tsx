'use client'

import { rolloutPatienceMinutes } from '@holdfast/api/contract/update-inputs'
import type { RolloutView } from '@holdfast/api/update-services'
import { Alert, Button, ProgressStep, ProgressStepper, Stack, StackItem } from '@patternfly/react-core'
import { useMutation } from '@tanstack/react-query'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { api, queryClient, trpc } from '../../lib/api.ts'

const looks = {
  waiting: { variant: 'pending', text: 'Waits' },
  asked: { variant: 'info', text: 'Is being updated; clients go on at the others' },
  updated: { variant: 'success', text: 'Updated' },
  failed: { variant: 'danger', text: 'Failed' },
} as const

/** An update of the whole cluster: which node it has come to, and what became of it. */
export function UpdateRollout({ rollout, mayStop }: { rollout: RolloutView; mayStop: boolean }) {
  const stop = useMutation({
    mutationFn: () => api.updates.stopRollout.mutate(),
    onSuccess: () => queryClient.invalidateQueries(trpc.updates.status.pathFilter()),
  })
  const { state, version, nodes, reason } = rollout
  const isUnderWay = state === 'running' || state === 'stopping'
  return (
    <Stack hasGutter>
      <StackItem aria-live="polite">
        <Outcome rollout={rollout} />
      </StackItem>
      <StackItem>
        <ProgressStepper isVertical aria-label={`Nodes on the way to ${version}`}>
          {nodes.map((node) => (
            <ProgressStep
              key={node.nodeId}
              id={`rollout-${node.nodeId}`}
              titleId={`rollout-${node.nodeId}-title`}
              variant={looks[node.state].variant}
              isCurrent={node.state === 'asked'}
              description={node.reason ?? looks[node.state].text}
              aria-label={`${node.name}: ${looks[node.state].text}`}
            >
              {node.name}
            </ProgressStep>
          ))}
        </ProgressStepper>
      </StackItem>
      <FailureAlert error={stop.error} />
      {isUnderWay && mayStop && (
        <StackItem>
          <Button
            variant="secondary"
            isDisabled={state === 'stopping'}
            isLoading={stop.isPending}
            onClick={() => stop.mutate()}
          >
            Stop after this node
          </Button>
        </StackItem>
      )}
      {state === 'stopped' && reason !== null && (
        <StackItem>
          <Alert variant="info" isInline isPlain title="Nodes of both versions work together.">
            Mend what stopped it, then upload the bundle again: nodes that have the new version already are
            left in peace.
          </Alert>
        </StackItem>
      )}
    </Stack>
  )
}

function Outcome({ rollout: { state, version, reason, waits, by } }: { rollout: RolloutView }) {
  if (state === 'done') return <Alert variant="success" isInline title={`Every node runs ${version}`} />
  if (state === 'stopped')
    return <Alert variant="warning" isInline title={`The update to ${version} stopped: ${reason ?? ''}`} />
  if (state === 'stopping')
    return (
      <Alert
        variant="info"
        isInline
        title="The node that is being updated comes to its end; no other follows"
      />
    )
  if (waits !== null)
    return (
      <Alert variant="warning" isInline title={`The update to ${version} waits: ${waits}`}>
        It goes on by itself as soon as it can, and stops when it cannot for {rolloutPatienceMinutes} minutes.
      </Alert>
    )
  return (
    <Alert variant="info" isInline title={`One node after the other goes to ${version}`}>
      Begun by {by}. It goes on by itself, also when you close this or are led to another node.
    </Alert>
  )
}
