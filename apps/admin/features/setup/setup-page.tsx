'use client'

import { limits } from '@holdfast/api/contract/limits'
import { Alert, Button, Flex, Form, ProgressStep, ProgressStepper, Spinner } from '@patternfly/react-core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { type FormEvent, useEffect, useState } from 'react'
import { CopyableText } from '../../components/copyable-text.tsx'
import { EntryFrame } from '../../components/entry-frame.tsx'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { useNarrow } from '../../components/use-narrow.ts'
import { queryClient, trpc } from '../../lib/api.ts'
import { nodeNow } from '../../lib/clock.ts'
import { type Failure, failureOf } from '../../lib/errors.ts'
import { paths } from '../../lib/paths.ts'
import type { RecoveryKit } from '../recovery/kit-text.ts'
import {
  checkCode,
  checkDisplayName,
  checkFacility,
  checkNodeName,
  checkOwner,
  type Draft,
  emptyDraft,
  loadDraft,
  loadKit,
  type Step,
  saveDraft,
  saveKit,
  stepOfField,
  steps,
} from './draft.ts'
import { SetupCodeStep, SetupFacilityStep } from './setup-code-step.tsx'
import { SetupKitStep } from './setup-kit-step.tsx'
import { SetupOwnerStep } from './setup-owner-step.tsx'

const titles: Record<Step, { short: string; title: string; description: string }> = {
  code: { short: 'Code', title: 'Set up this node', description: 'Four short steps, a few minutes.' },
  facility: { short: 'Facility', title: 'Where is it?', description: 'Names that people will see.' },
  owner: { short: 'Owner', title: 'Who owns it?', description: 'The first account.' },
  kit: {
    short: 'Recovery',
    title: 'Keep the recovery kit',
    description: 'The node is set up. One thing is left.',
  },
}

type Errors = Partial<Record<keyof Draft | 'password' | 'repeated', string | null>>

/** Where a refusal of the last step belongs: the step and the field to mend. */
function placeOf(failure: Failure): { step: Step; errors: Errors } | null {
  if (failure.code === 'wrong-code' || failure.code === 'locked-out')
    return { step: 'code', errors: { code: failure.text } }
  if (failure.code === 'weak-password') return { step: 'owner', errors: { password: failure.text } }
  if (failure.code === 'name-taken') return { step: 'owner', errors: { owner: failure.text } }
  if (failure.code !== 'bad-request') return null
  const step = stepOfField(failure.text)
  const field = failure.text.match(/^\w+/)?.[0] as keyof Errors | undefined
  return step === null || field === undefined ? null : { step, errors: { [field]: failure.text } }
}

/** First boot: code, facility, owner, recovery kit. A reload continues where it was left. */
export function SetupPage() {
  const router = useRouter()
  const state = useQuery(trpc.setup.state.queryOptions())
  const [draft, setDraft] = useState<Draft>(emptyDraft)
  const [kit, setKit] = useState<RecoveryKit | null>(null)
  const [isLoaded, setIsLoaded] = useState(false)
  const [password, setPassword] = useState('')
  const [repeated, setRepeated] = useState('')
  const [errors, setErrors] = useState<Errors>({})

  useEffect(() => {
    setDraft(loadDraft())
    setKit(loadKit())
    setIsLoaded(true)
  }, [])
  useEffect(() => {
    if (isLoaded) saveDraft(kit === null ? draft : null)
  }, [draft, isLoaded, kit])

  const suggested = state.data?.setUp === false ? state.data.nodeName : ''
  useEffect(() => {
    if (isLoaded && suggested !== '')
      setDraft((now) => (now.nodeName === '' ? { ...now, nodeName: suggested } : now))
  }, [isLoaded, suggested])

  const complete = useMutation(
    trpc.setup.complete.mutationOptions({
      onSuccess: (made) => {
        const shown = {
          facility: made.facility,
          nodeName: made.nodeName,
          owner: made.login.person.name,
          caFingerprint: made.caFingerprint,
          recoveryCodes: made.recoveryCodes,
          madeAt: nodeNow(),
        }
        saveKit(shown)
        setKit(shown)
        setPassword('')
        setRepeated('')
      },
      onError: (error) => {
        const place = placeOf(failureOf(error))
        if (place === null) return
        setErrors(place.errors)
        setDraft((now) => ({ ...now, step: place.step }))
      },
    }),
  )

  const verifyCode = useMutation(
    trpc.setup.checkCode.mutationOptions({
      onSuccess: () => setDraft((now) => ({ ...now, step: 'facility' })),
      onError: (error) => {
        const place = placeOf(failureOf(error))
        if (place !== null) setErrors(place.errors)
      },
    }),
  )

  const isSetUp = state.data?.setUp === true
  const leaves = isLoaded && isSetUp && kit === null && !complete.isPending && !complete.isSuccess
  useEffect(() => {
    if (leaves) router.replace(paths.login())
  }, [leaves, router])

  if (state.data === undefined || !isLoaded || leaves)
    return (
      <EntryFrame title="Set up this node">
        {state.error !== null && failureOf(state.error).code !== 'unreachable' ? (
          <FailureAlert error={state.error} onRetry={() => void state.refetch()} />
        ) : (
          <Spinner aria-label="Loading" />
        )}
      </EntryFrame>
    )

  const step: Step = kit === null ? draft.step : 'kit'
  const change = (part: Partial<Draft>) => {
    setDraft((now) => ({ ...now, ...part }))
    setErrors((now) => ({ ...now, ...Object.fromEntries(Object.keys(part).map((key) => [key, null])) }))
    complete.reset()
    verifyCode.reset()
  }
  const problems: Record<Exclude<Step, 'kit'>, () => Errors> = {
    code: () => ({ code: checkCode(draft.code) }),
    facility: () => ({ facility: checkFacility(draft.facility), nodeName: checkNodeName(draft.nodeName) }),
    owner: () => ({
      owner: checkOwner(draft.owner),
      displayName: checkDisplayName(draft.displayName),
      password:
        [...password].length < limits.passwordMinLength
          ? `Use at least ${limits.passwordMinLength} characters.`
          : null,
      repeated: password === repeated ? null : 'The two passwords differ.',
    }),
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (step === 'kit') return
    const found = problems[step]()
    setErrors(found)
    if (Object.values(found).some((each) => each !== null)) return
    if (step === 'code') return verifyCode.mutate({ code: draft.code.trim() })
    if (step === 'facility') return change({ step: 'owner' })
    complete.mutate({
      code: draft.code.trim(),
      facility: draft.facility.trim(),
      nodeName: draft.nodeName.trim(),
      owner: draft.owner.trim(),
      ...(draft.displayName.trim() === '' ? {} : { displayName: draft.displayName.trim() }),
      password,
    })
  }
  const finish = () => {
    saveKit(null)
    saveDraft(null)
    queryClient.clear()
    router.replace(paths.overview())
  }

  const failure = step === 'code' ? (verifyCode.error ?? complete.error) : complete.error
  const placed = failure !== null && placeOf(failureOf(failure)) !== null
  const isBusy = complete.isPending || verifyCode.isPending
  return (
    <EntryFrame
      title={titles[step].title}
      description={titles[step].description}
      isWide
      progress={<Progress step={step} />}
      footer={
        <span>
          CA fingerprint <CopyableText text={state.data.caFingerprint} label="CA fingerprint" shown={29} /> ·
          version {state.data.version}
        </span>
      }
    >
      {step === 'kit' && kit !== null ? (
        <SetupKitStep kit={kit} onDone={finish} />
      ) : (
        <Form onSubmit={submit} noValidate key={step}>
          {failure !== null && !placed && <FailureAlert error={failure} />}
          {placed && step === 'code' && failure === complete.error && (
            <Alert
              variant="danger"
              isInline
              title="The node did not take the code. Everything else you entered is kept."
            />
          )}
          {step === 'code' && <SetupCodeStep draft={draft} errors={errors} onChange={change} />}
          {step === 'facility' && <SetupFacilityStep draft={draft} errors={errors} onChange={change} />}
          {step === 'owner' && (
            <SetupOwnerStep
              draft={draft}
              password={password}
              repeated={repeated}
              errors={errors}
              onChange={change}
              onPassword={(value) => {
                setPassword(value)
                setErrors((now) => ({ ...now, password: null }))
              }}
              onRepeated={(value) => {
                setRepeated(value)
                setErrors((now) => ({ ...now, repeated: null }))
              }}
            />
          )}
          <Flex gap={{ default: 'gapSm' }}>
            <Button type="submit" isLoading={isBusy} isDisabled={isBusy}>
              {step === 'owner' ? 'Set up the node' : 'Continue'}
            </Button>
            {step !== 'code' && (
              <Button
                variant="link"
                isDisabled={complete.isPending}
                onClick={() => change({ step: step === 'owner' ? 'facility' : 'code' })}
              >
                Back
              </Button>
            )}
          </Flex>
        </Form>
      )}
    </EntryFrame>
  )
}

function Progress({ step }: { step: Step }) {
  const at = steps.indexOf(step)
  const isNarrow = useNarrow()
  return (
    <ProgressStepper isCenterAligned isCompact={isNarrow} aria-label="Steps of the set-up">
      {steps.map((each, index) => (
        <ProgressStep
          key={each}
          id={`step-${each}`}
          titleId={`step-${each}-title`}
          variant={index < at ? 'success' : index === at ? 'info' : 'pending'}
          isCurrent={index === at}
          aria-label={`${titles[each].short}: ${index < at ? 'done' : index === at ? 'current step' : 'to do'}`}
        >
          {titles[each].short}
        </ProgressStep>
      ))}
    </ProgressStepper>
  )
}
