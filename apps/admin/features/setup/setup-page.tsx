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
  checkAddress,
  checkCode,
  checkDisplayName,
  checkFacility,
  checkJoinCode,
  checkNodeName,
  checkOwner,
  type Draft,
  emptyDraft,
  loadDraft,
  loadKit,
  type Mode,
  type Step,
  saveDraft,
  saveKit,
  stepOfField,
  stepsOf,
} from './draft.ts'
import { SetupCodeStep, SetupFacilityStep } from './setup-code-step.tsx'
import { SetupJoinStep, SetupModeChoice, SetupWait } from './setup-join-step.tsx'
import { SetupKitStep } from './setup-kit-step.tsx'
import { SetupOwnerStep } from './setup-owner-step.tsx'

const titles: Record<Step, { short: string; title: string; description: string }> = {
  code: { short: 'Code', title: 'Set up this node', description: 'A few short steps, a few minutes.' },
  facility: { short: 'Facility', title: 'Where is it?', description: 'Names that people will see.' },
  owner: { short: 'Owner', title: 'Who owns it?', description: 'The first account.' },
  kit: {
    short: 'Recovery',
    title: 'Keep the recovery kit',
    description: 'The node is set up. One thing is left.',
  },
  join: { short: 'Cluster', title: 'Which cluster?', description: 'The invitation of a member.' },
  wait: { short: 'Joining', title: 'Joining', description: 'Nothing needs to be done here.' },
}

type Errors = Partial<Record<keyof Draft | 'password' | 'repeated' | 'joinCode', string | null>>

/** Until somebody has set the node up, here or from a member of a cluster. */
const stateRefreshMs = 3_000

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
  const state = useQuery(
    trpc.setup.state.queryOptions(undefined, {
      refetchInterval: (query) => (query.state.data?.setUp === true ? false : stateRefreshMs),
    }),
  )
  const [draft, setDraft] = useState<Draft>(emptyDraft)
  const [kit, setKit] = useState<RecoveryKit | null>(null)
  const [isLoaded, setIsLoaded] = useState(false)
  const [password, setPassword] = useState('')
  const [repeated, setRepeated] = useState('')
  const [joinCode, setJoinCode] = useState('')
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
      onSuccess: () => setDraft((now) => ({ ...now, step: now.mode === 'join' ? 'join' : 'facility' })),
      onError: (error) => {
        const place = placeOf(failureOf(error))
        if (place !== null) setErrors(place.errors)
      },
    }),
  )

  const join = useMutation(
    trpc.cluster.join.mutationOptions({
      onSuccess: ({ facility }) => {
        setJoinCode('')
        setDraft((now) => ({ ...now, step: 'wait', facility }))
      },
      onError: (error) => {
        const failure = failureOf(error)
        // The node may start anew before its answer is out.
        if (failure.code === 'unreachable') setDraft((now) => ({ ...now, step: 'wait', facility: '' }))
        else if (failure.code === 'wrong-code') setErrors({ joinCode: failure.text })
        else if (failure.code === 'name-taken') setErrors({ nodeName: failure.text })
      },
    }),
  )

  const isSetUp = state.data?.setUp === true
  const leaves = isLoaded && isSetUp && kit === null && !complete.isPending && !complete.isSuccess
  useEffect(() => {
    if (!leaves) return
    saveDraft(null)
    router.replace(paths.login())
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

  // A node that a member has taken in knows its facility before it has the data.
  const joining = state.data.facility ?? (draft.step === 'wait' ? draft.facility : null)
  const step: Step = kit !== null ? 'kit' : joining !== null ? 'wait' : draft.step
  const change = (part: Partial<Draft>) => {
    setDraft((now) => ({ ...now, ...part }))
    setErrors((now) => ({ ...now, ...Object.fromEntries(Object.keys(part).map((key) => [key, null])) }))
    complete.reset()
    verifyCode.reset()
    join.reset()
  }
  const problems: Record<Exclude<Step, 'kit' | 'wait'>, () => Errors> = {
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
    join: () => ({
      joinCode: checkJoinCode(joinCode),
      nodeName: checkNodeName(draft.nodeName),
      address: checkAddress(draft.address),
    }),
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (step === 'kit' || step === 'wait') return
    const found = problems[step]()
    setErrors(found)
    if (Object.values(found).some((each) => each !== null)) return
    if (step === 'code') return verifyCode.mutate({ code: draft.code.trim() })
    if (step === 'facility') return change({ step: 'owner' })
    if (step === 'join')
      return join.mutate({
        setupCode: draft.code.trim(),
        code: joinCode.trim(),
        nodeName: draft.nodeName.trim(),
        ...(draft.address.trim() === '' ? {} : { address: draft.address.trim() }),
      })
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

  const failure =
    step === 'join' ? join.error : step === 'code' ? (verifyCode.error ?? complete.error) : complete.error
  const placed =
    failure !== null &&
    (step === 'join' ? Boolean(errors.joinCode ?? errors.nodeName) : placeOf(failureOf(failure)) !== null)
  const isBusy = complete.isPending || verifyCode.isPending || join.isPending
  return (
    <EntryFrame
      title={titles[step].title}
      description={titles[step].description}
      isWide
      progress={<Progress mode={step === 'wait' ? 'join' : draft.mode} step={step} />}
      footer={
        <span>
          CA fingerprint <CopyableText text={state.data.caFingerprint} label="CA fingerprint" shown={29} /> ·
          version {state.data.version}
        </span>
      }
    >
      {step === 'kit' && kit !== null ? (
        <SetupKitStep kit={kit} onDone={finish} />
      ) : step === 'wait' ? (
        <SetupWait
          facility={joining || 'the facility'}
          onStartOver={() => change({ step: 'code', facility: '' })}
        />
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
          {step === 'code' && (
            <>
              <SetupModeChoice mode={draft.mode} onChange={(mode) => change({ mode })} />
              <SetupCodeStep draft={draft} errors={errors} onChange={change} />
            </>
          )}
          {step === 'join' && (
            <SetupJoinStep
              draft={draft}
              joinCode={joinCode}
              errors={errors}
              onChange={change}
              onJoinCode={(value) => {
                setJoinCode(value)
                setErrors((now) => ({ ...now, joinCode: null }))
              }}
            />
          )}
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
              {step === 'owner' ? 'Set up the node' : step === 'join' ? 'Join the cluster' : 'Continue'}
            </Button>
            {step !== 'code' && (
              <Button
                variant="link"
                isDisabled={isBusy}
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

function Progress({ mode, step }: { mode: Mode; step: Step }) {
  const steps = stepsOf[mode]
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
