'use client'

import type { BackupSettings } from '@holdfast/api/backup-services'
import { type BackupSchedule, backupKeep, backupScheduleSchema } from '@holdfast/api/contract/backup-inputs'
import { Button, Checkbox, Flex, Form, FormGroup, Radio } from '@patternfly/react-core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { FormField } from '../../components/form-field.tsx'
import { useToasts } from '../../components/toasts.tsx'
import { queryClient, trpc } from '../../lib/api.ts'
import { formatDateTime } from '../../lib/format.ts'
import { NumberField, numberError } from '../settings/number-field.tsx'

interface Values {
  kind: BackupSchedule['kind']
  at: string
  every: string
  everyNode: boolean
  keep: string
}

const hours = { min: 1, max: 168 } as const
const kept = { min: backupKeep.least, max: backupKeep.most } as const

function valuesOf({ schedule, nodes, keep }: BackupSettings): Values {
  return {
    kind: schedule.kind,
    at: schedule.kind === 'daily' ? schedule.at : '02:30',
    every: schedule.kind === 'hours' ? String(schedule.every) : '6',
    everyNode: nodes === 'all',
    keep: String(keep),
  }
}

function scheduleOf({ kind, at, every }: Values): BackupSchedule {
  if (kind === 'off') return { kind }
  return kind === 'daily' ? { kind, at } : { kind, every: Number(every) }
}

interface ScheduleFormProps {
  settings: BackupSettings
  /** When the node that serves this page makes the next one. */
  nextAt: number | null
  isReadOnly: boolean
}

/** When backups are made by themselves, by which nodes, and how many are kept. */
export function ScheduleForm({ settings, nextAt, isReadOnly }: ScheduleFormProps) {
  const toasts = useToasts()
  const [base, setBase] = useState(settings)
  const [values, setValues] = useState(() => valuesOf(settings))
  const isChanged = JSON.stringify(values) !== JSON.stringify(valuesOf(base))
  if (!isChanged && settings.version !== base.version) {
    setBase(settings)
    setValues(valuesOf(settings))
  }
  const change = (part: Partial<Values>) => setValues((now) => ({ ...now, ...part }))
  const errors = {
    at:
      values.kind !== 'daily' || backupScheduleSchema.safeParse(scheduleOf(values)).success
        ? null
        : 'Enter a time such as 02:30.',
    every: values.kind === 'hours' ? numberError(values.every, hours) : null,
    keep: numberError(values.keep, kept),
  }
  const isWrong = Object.values(errors).some((error) => error !== null)
  const save = useMutation(
    trpc.backups.configure.mutationOptions({
      onSuccess: (saved) => {
        setBase(saved)
        setValues(valuesOf(saved))
        void queryClient.invalidateQueries(trpc.backups.status.pathFilter())
        toasts.success('The schedule is saved')
      },
    }),
  )
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (isWrong) return
    save.mutate({
      version: base.version,
      schedule: scheduleOf(values),
      nodes: values.everyNode ? 'all' : 'leader',
      keep: Number(values.keep),
    })
  }
  const radio = (kind: Values['kind'], label: string) => (
    <Radio
      id={`backup-${kind}`}
      name="backup-schedule"
      label={label}
      isChecked={values.kind === kind}
      onChange={() => change({ kind })}
      isDisabled={isReadOnly}
    />
  )
  return (
    <Form onSubmit={submit} noValidate>
      <FailureAlert error={save.error} />
      <fieldset disabled={isReadOnly} className="hf-fieldset">
        <FormGroup role="radiogroup" label="A backup is made" fieldId="backup-off">
          {radio('daily', 'every day')}
          {radio('hours', 'every so many hours')}
          {radio('off', 'only when somebody asks for one')}
        </FormGroup>
        {values.kind === 'daily' && (
          <FormField
            label="Time of day"
            value={values.at}
            onChange={(at) => change({ at })}
            error={errors.at}
            help="Local time of the node, such as 02:30. What was missed is made up."
            maxLength={5}
            isDisabled={isReadOnly}
            isRequired
          />
        )}
        {values.kind === 'hours' && (
          <NumberField
            label="Every"
            unit="hours"
            value={values.every}
            onChange={(every) => change({ every })}
            error={errors.every}
            help="Counted from the newest backup."
            isDisabled={isReadOnly}
            {...hours}
          />
        )}
        <NumberField
          label="Keep the newest"
          unit="backups of each node"
          value={values.keep}
          onChange={(keep) => change({ keep })}
          error={errors.keep}
          help="Older ones of the same node are removed after the next one is made."
          isDisabled={isReadOnly}
          {...kept}
        />
        <Checkbox
          id="backup-every-node"
          label="Every node makes its own"
          description="Otherwise one does: the single node, or whichever leads the cluster."
          isChecked={values.everyNode}
          onChange={(_event, everyNode) => change({ everyNode })}
          isDisabled={isReadOnly}
        />
      </fieldset>
      {nextAt !== null && <p className="hf-subtle">This node makes the next one {formatDateTime(nextAt)}.</p>}
      {!isReadOnly && (
        <Flex>
          <Button
            type="submit"
            isDisabled={!isChanged || isWrong || save.isPending}
            isLoading={save.isPending}
          >
            Save
          </Button>
        </Flex>
      )}
    </Form>
  )
}
