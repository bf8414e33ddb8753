'use client'

import { limits } from '@holdfast/api/contract/limits'
import { displayNameSchema } from '@holdfast/api/contract/names'
import type { FacilitySettings } from '@holdfast/api/services'
import { Button, Checkbox, Flex, Form, FormGroup, FormSection, Radio } from '@patternfly/react-core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { FormField } from '../../components/form-field.tsx'
import { useToasts } from '../../components/toasts.tsx'
import { queryClient, trpc } from '../../lib/api.ts'
import { failureOf } from '../../lib/errors.ts'
import { NumberField, numberError } from './number-field.tsx'

interface FacilityFormProps {
  settings: FacilitySettings
  isReadOnly: boolean
}

/** The form's fields as typed; numbers stay text until they are sent. */
interface Values {
  facility: string
  deviceApproval: 'auto' | 'manual'
  deviceRequired: boolean
  sessionDays: string
  lockoutAttempts: string
  passwordMinLength: string
  keepsForever: boolean
  retentionDays: string
}

/** Bounds as the API holds them. */
const bounds = {
  sessionDays: { min: 1, max: 365 },
  lockoutAttempts: { min: 3, max: 100 },
  passwordMinLength: { min: 8, max: 128 },
  retentionDays: { min: 1, max: limits.retentionDaysMax },
} as const
const suggestedRetentionDays = 365

function valuesOf(settings: FacilitySettings): Values {
  const { defaultRetentionDays } = settings
  return {
    facility: settings.facility,
    deviceApproval: settings.deviceApproval,
    deviceRequired: settings.deviceRequired,
    sessionDays: String(settings.sessionDays),
    lockoutAttempts: String(settings.lockoutAttempts),
    passwordMinLength: String(settings.passwordMinLength),
    keepsForever: defaultRetentionDays === null,
    retentionDays: String(defaultRetentionDays ?? suggestedRetentionDays),
  }
}

function errorsOf(values: Values) {
  return {
    facility: displayNameSchema.safeParse(values.facility).success ? null : 'Give the facility a name.',
    sessionDays: numberError(values.sessionDays, bounds.sessionDays),
    lockoutAttempts: numberError(values.lockoutAttempts, bounds.lockoutAttempts),
    passwordMinLength: numberError(values.passwordMinLength, bounds.passwordMinLength),
    retentionDays: values.keepsForever ? null : numberError(values.retentionDays, bounds.retentionDays),
  }
}

/** Name, sign-in, devices and messages: saved together, refused when somebody else saved meanwhile. */
export function FacilityForm({ settings, isReadOnly }: FacilityFormProps) {
  const toasts = useToasts()
  const [base, setBase] = useState(settings)
  const [values, setValues] = useState(() => valuesOf(settings))
  const isChanged = JSON.stringify(values) !== JSON.stringify(valuesOf(base))
  // Newer settings replace what is shown only while nothing has been typed over it.
  if (!isChanged && settings.version !== base.version) {
    setBase(settings)
    setValues(valuesOf(settings))
  }
  const errors = errorsOf(values)
  const isWrong = Object.values(errors).some((error) => error !== null)
  const set =
    <Key extends keyof Values>(key: Key) =>
    (value: Values[Key]) =>
      setValues((now) => ({ ...now, [key]: value }))

  const takeOver = (fresh: FacilitySettings) => {
    setBase(fresh)
    setValues(valuesOf(fresh))
  }
  const update = useMutation(
    trpc.settings.update.mutationOptions({
      onSuccess: (saved) => {
        queryClient.setQueryData(trpc.settings.get.queryKey(), saved)
        void queryClient.invalidateQueries(trpc.setup.state.pathFilter())
        takeOver(saved)
        toasts.success('The rules are saved', 'They hold from now on, on every node.')
      },
    }),
  )
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (isWrong) return
    update.mutate({
      version: base.version,
      facility: values.facility.trim(),
      deviceApproval: values.deviceApproval,
      deviceRequired: values.deviceRequired,
      sessionDays: Number(values.sessionDays),
      lockoutAttempts: Number(values.lockoutAttempts),
      passwordMinLength: Number(values.passwordMinLength),
      defaultRetentionDays: values.keepsForever ? null : Number(values.retentionDays),
    })
  }
  const isStale = update.error !== null && failureOf(update.error).code === 'conflict'
  const reload = () => {
    update.reset()
    void queryClient.fetchQuery({ ...trpc.settings.get.queryOptions(), staleTime: 0 }).then(takeOver)
  }

  return (
    <Form onSubmit={submit} noValidate>
      <FailureAlert error={update.error} {...(isStale ? { onRetry: reload } : {})} />
      <fieldset disabled={isReadOnly} className="hf-fieldset">
        <FormSection title="Facility" titleElement="h2">
          <FormField
            label="Name"
            value={values.facility}
            onChange={set('facility')}
            error={errors.facility}
            maxLength={limits.displayNameLength}
            isDisabled={isReadOnly}
            isRequired
          />
        </FormSection>
        <FormSection title="Signing in" titleElement="h2">
          <NumberField
            label="Shortest password"
            unit="characters"
            value={values.passwordMinLength}
            onChange={set('passwordMinLength')}
            error={errors.passwordMinLength}
            help="Holds for passwords set from now on."
            isDisabled={isReadOnly}
            {...bounds.passwordMinLength}
          />
          <NumberField
            label="Lock out after"
            unit="wrong passwords in a row"
            value={values.lockoutAttempts}
            onChange={set('lockoutAttempts')}
            error={errors.lockoutAttempts}
            help="The first wait is 30 seconds; each further wrong password doubles it, up to an hour."
            isDisabled={isReadOnly}
            {...bounds.lockoutAttempts}
          />
          <NumberField
            label="A session lasts"
            unit="days"
            value={values.sessionDays}
            onChange={set('sessionDays')}
            error={errors.sessionDays}
            help="Then everybody signs in again. Sessions that are open keep their end."
            isDisabled={isReadOnly}
            {...bounds.sessionDays}
          />
        </FormSection>
        <FormSection title="Devices" titleElement="h2">
          <FormGroup role="radiogroup" label="A new device" fieldId="device-approval">
            <Radio
              id="device-approval-manual"
              name="device-approval"
              label="waits until somebody approves it"
              isChecked={values.deviceApproval === 'manual'}
              onChange={() => set('deviceApproval')('manual')}
              isDisabled={isReadOnly}
            />
            <Radio
              id="device-approval-auto"
              name="device-approval"
              label="is approved at once"
              description="Anybody with a password can then add devices."
              isChecked={values.deviceApproval === 'auto'}
              onChange={() => set('deviceApproval')('auto')}
              isDisabled={isReadOnly}
            />
          </FormGroup>
          <Checkbox
            id="device-required"
            label="Messages only from approved devices"
            description="Whoever signs in on a device that is not approved can then neither read nor send messages."
            isChecked={values.deviceRequired}
            onChange={(_event, checked) => set('deviceRequired')(checked)}
            isDisabled={isReadOnly}
          />
        </FormSection>
        <FormSection title="Messages" titleElement="h2">
          <FormGroup role="radiogroup" label="New channels keep messages" fieldId="retention">
            <Radio
              id="retention-forever"
              name="retention"
              label="for ever"
              isChecked={values.keepsForever}
              onChange={() => set('keepsForever')(true)}
              isDisabled={isReadOnly}
            />
            <Radio
              id="retention-days"
              name="retention"
              label="for a number of days"
              isChecked={!values.keepsForever}
              onChange={() => set('keepsForever')(false)}
              isDisabled={isReadOnly}
            />
          </FormGroup>
          {!values.keepsForever && (
            <NumberField
              label="Keep for"
              unit="days"
              value={values.retentionDays}
              onChange={set('retentionDays')}
              error={errors.retentionDays}
              help="Older messages are removed for good. A channel can have a rule of its own."
              isDisabled={isReadOnly}
              {...bounds.retentionDays}
            />
          )}
        </FormSection>
      </fieldset>
      {!isReadOnly && (
        <Flex gap={{ default: 'gapSm' }}>
          <Button
            type="submit"
            isDisabled={!isChanged || isWrong || update.isPending}
            isLoading={update.isPending}
          >
            Save
          </Button>
          {isChanged && (
            <Button
              variant="link"
              isDisabled={update.isPending}
              onClick={() => {
                update.reset()
                setValues(valuesOf(base))
              }}
            >
              Discard changes
            </Button>
          )}
        </Flex>
      )}
    </Form>
  )
}
