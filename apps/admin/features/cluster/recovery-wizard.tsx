'use client'

import type { RecoveryPlan } from '@holdfast/api/cluster-services'
import {
  Alert,
  Button,
  Content,
  Form,
  FormGroup,
  Label,
  ModalBody,
  ModalFooter,
  ModalHeader,
  ProgressStep,
  ProgressStepper,
  Skeleton,
  TextInput,
} from '@patternfly/react-core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { Dialog } from '../../components/dialog.tsx'
import { Ellipsis } from '../../components/ellipsis.tsx'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { RelativeTime } from '../../components/relative-time.tsx'
import { StatusLabel } from '../../components/status-label.tsx'
import { trpc } from '../../lib/api.ts'
import { failureOf } from '../../lib/errors.ts'
import { count, formatNumber } from '../../lib/format.ts'
import { useAllowed } from '../session/use-session.ts'
import css from './cluster.module.css'

/** A node that is started meanwhile changes the plan within this. */
const refreshMs = 3_000
const steps = ['Compare', 'What is lost', 'Confirm'] as const

interface RecoveryWizardProps {
  onRestart: () => void
  onClose: () => void
}

/** After the quorum is lost for good: compares what is left, says what is lost, and asks for the facility's name. */
export function RecoveryWizard({ onRestart, onClose }: RecoveryWizardProps) {
  const may = useAllowed()
  const [step, setStep] = useState(0)
  const [typed, setTyped] = useState('')
  const place = useQuery(trpc.setup.state.queryOptions())
  const plan = useQuery(trpc.cluster.recoveryPlan.queryOptions(undefined, { refetchInterval: refreshMs }))
  const recover = useMutation(
    trpc.cluster.recover.mutationOptions({
      onSuccess: onRestart,
      onError: (error) => {
        if (failureOf(error).code === 'unreachable') onRestart()
      },
    }),
  )
  const facility = place.data?.facility ?? null
  const isPossible = plan.data?.possible === true
  const mayGoOn = isPossible && may('cluster.recover')
  const close = recover.isPending ? () => undefined : onClose
  const isTyped = facility !== null && typed.trim() === facility
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (isTyped && isPossible && plan.data !== undefined && !recover.isPending)
      recover.mutate({ confirm: typed.trim(), index: plan.data.index })
  }
  return (
    <Dialog variant="medium" isOpen onClose={close} aria-labelledby="recovery-title">
      <ModalHeader title="Go on without the lost nodes" titleIconVariant="danger" labelId="recovery-title" />
      <ModalBody>
        <ProgressStepper aria-label="Steps of the recovery" className="hf-gap-below">
          {steps.map((title, index) => (
            <ProgressStep
              key={title}
              id={`recovery-${index}`}
              titleId={`recovery-${index}-title`}
              variant={index < step ? 'success' : index === step ? 'info' : 'pending'}
              isCurrent={index === step}
              aria-label={`${title}: ${index < step ? 'done' : index === step ? 'current step' : 'to do'}`}
            >
              {title}
            </ProgressStep>
          ))}
        </ProgressStepper>
        {plan.data === undefined ? (
          plan.error ? (
            <FailureAlert error={plan.error} onRetry={() => void plan.refetch()} />
          ) : (
            <Skeleton height="10rem" screenreaderText="Asking the nodes that are left" />
          )
        ) : step === 0 ? (
          <Compare plan={plan.data} />
        ) : step === 1 ? (
          <Loss plan={plan.data} />
        ) : (
          <Form id="recovery" onSubmit={submit}>
            <Content component="p">
              This node starts anew as the only member, at entry {formatNumber(plan.data.index)}. The audit
              log says who did it and what was lost. The other nodes must never be started again with their
              old data; empty their folders and add them anew.
            </Content>
            <FormGroup label={`Type “${facility ?? ''}” to confirm`} fieldId="recovery-typed">
              <TextInput
                id="recovery-typed"
                value={typed}
                onChange={(_event, value) => setTyped(value)}
                autoComplete="off"
                spellCheck={false}
              />
            </FormGroup>
            {plan.data !== undefined && !isPossible && (
              <Alert variant="warning" isInline className="hf-gap-above" title={plan.data.reason} />
            )}
            <FailureAlert error={recover.error} />
          </Form>
        )}
      </ModalBody>
      <ModalFooter>
        {step < 2 ? (
          <Button isDisabled={!mayGoOn} onClick={() => setStep(step + 1)}>
            {step === 0 ? 'The unreachable ones never come back' : 'Accept the loss'}
          </Button>
        ) : (
          <Button
            variant="danger"
            isLoading={recover.isPending}
            type="submit"
            form="recovery"
            isDisabled={recover.isPending || !isTyped || !isPossible}
          >
            Go on as the only member
          </Button>
        )}
        {step > 0 && (
          <Button variant="secondary" onClick={() => setStep(step - 1)} isDisabled={recover.isPending}>
            Back
          </Button>
        )}
        <Button variant="link" onClick={close} isDisabled={recover.isPending}>
          Cancel
        </Button>
      </ModalFooter>
    </Dialog>
  )
}

const columns: Column<RecoveryPlan['survivors'][number]>[] = [
  {
    key: 'name',
    title: 'Node',
    cell: (row) => (
      <div className={css.tags}>
        <Ellipsis text={row.name} isShort />
        {row.self && (
          <Label isCompact color="blue">
            this node
          </Label>
        )}
      </div>
    ),
    sort: (row) => row.name,
  },
  {
    key: 'reachable',
    title: 'Answers',
    cell: (row) =>
      row.reachable ? (
        <StatusLabel status="ok">Yes</StatusLabel>
      ) : (
        <StatusLabel status="unreachable">No</StatusLabel>
      ),
  },
  {
    key: 'index',
    title: 'Newest entry',
    cell: (row) => <span className={css.number}>{formatNumber(row.index)}</span>,
    sort: (row) => row.index,
  },
  {
    key: 'seen',
    title: 'Last seen',
    cell: (row) => (row.self ? 'now' : <RelativeTime at={row.lastSeenAt} />),
  },
]

function Compare({ plan }: { plan: RecoveryPlan }) {
  const may = useAllowed()
  return (
    <div className={css.options}>
      <Content component="p">
        If any of the missing nodes can be started again, start it and close this: the cluster goes on by
        itself and nothing is lost.
      </Content>
      <DataTable
        label="What is left"
        columns={columns}
        rows={plan.survivors}
        rowKey={(row) => row.nodeId}
        initialSort={{ key: 'index', direction: 'desc' }}
        empty={{ title: 'No member is known', body: 'This node has never heard of another one.' }}
      />
      <Alert variant={plan.possible ? 'info' : 'warning'} isInline component="h2" title={plan.reason} />
      {plan.possible && !may('cluster.recover') && (
        <Alert variant="info" isInline component="h2" title="Only an owner can go on from here." />
      )}
    </div>
  )
}

function Loss({ plan }: { plan: RecoveryPlan }) {
  return (
    <div className={css.options}>
      {plan.knownLoss > 0 ? (
        <Alert
          variant="danger"
          isInline
          component="h2"
          title={`${count(plan.knownLoss, 'entry', 'entries')} would be lost`}
        >
          Other members are known to have had them and this node has not: messages, changes of people and
          devices, audit events.
        </Alert>
      ) : (
        <Alert variant="success" isInline component="h2" title="No entry is known that this node has not">
          Everything that it heard of from the others is on its own disk.
        </Alert>
      )}
      <Content component="p">{plan.warning}</Content>
    </div>
  )
}
