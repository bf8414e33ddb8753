'use client'

import type { CarriedOut, ClusterView } from '@holdfast/api/cluster-services'
import { Alert, Content, ProgressStep, ProgressStepper } from '@patternfly/react-core'
import { doneBy } from './refresh.ts'

const steps = [
  { title: 'Certificate', text: 'The new node gets its place and its certificate.' },
  { title: 'Joining', text: 'It takes part, without a vote.' },
  { title: 'Restoring', text: 'It takes the facility’s data from another node.' },
  { title: 'Voter', text: 'It has everything and a vote.' },
] as const

/** How far a node is on its way in: the step that is under way, from 0; `steps.length` when it has arrived. */
export function joinStep(view: ClusterView, name: string): number {
  const member = view.members.find((each) => each.name === name)
  if (member === undefined) return 0
  if (member.state === 'online') return steps.length
  if (member.state === 'restoring' || member.state === 'diverged') return 2
  return 1
}

/** The steps of a node that joins, live. */
export function AddProgress({ view, name, by }: { view: ClusterView; name: string; by: CarriedOut }) {
  const at = joinStep(view, name)
  const isDone = at === steps.length
  return (
    <>
      <ProgressStepper isVertical aria-label={`${name} joins`}>
        {steps.map((step, index) => (
          <ProgressStep
            key={step.title}
            id={`join-${index}`}
            titleId={`join-${index}-title`}
            variant={index < at ? 'success' : index === at ? 'info' : 'pending'}
            isCurrent={index === at}
            description={step.text}
            aria-label={`${step.title}: ${index < at ? 'done' : index === at ? 'under way' : 'to do'}`}
          >
            {step.title}
          </ProgressStep>
        ))}
      </ProgressStepper>
      <div aria-live="polite" className="hf-gap-above">
        {isDone ? (
          <Alert variant="success" isInline title={`${name} is a member`}>
            Clients and browsers can use it from now on. {doneBy(by)}
          </Alert>
        ) : (
          <Content component="p" className="hf-subtle">
            This goes on by itself, also when you close this. {doneBy(by)}
          </Content>
        )}
      </div>
    </>
  )
}
