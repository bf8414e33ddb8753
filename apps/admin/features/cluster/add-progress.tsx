'use client'

import type { CarriedOut, ClusterView } from '@holdfast/api/cluster-services'
import { Alert, Content, ProgressStep, ProgressStepper } from '@patternfly/react-core'
import { joinStep, joinSteps } from './join-steps.ts'
import { doneBy } from './refresh.ts'

/** The steps of a node that joins, live. */
export function AddProgress({ view, name, by }: { view: ClusterView; name: string; by: CarriedOut }) {
  const at = joinStep(view, name)
  const isDone = at === joinSteps.length
  return (
    <>
      <ProgressStepper isVertical aria-label={`${name} joins`}>
        {joinSteps.map((step, index) => (
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
