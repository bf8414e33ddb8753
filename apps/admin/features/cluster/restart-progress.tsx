'use client'

import { Alert, Button, Card, CardBody, ProgressStep, ProgressStepper, Title } from '@patternfly/react-core'
import { useEffect, useState, useSyncExternalStore } from 'react'
import { useNow } from '../../components/use-now.ts'
import { nodeNow } from '../../lib/clock.ts'
import { reachability, subscribeReachability } from '../../lib/reachability.ts'

/** Longer than any restart seen; from then on somebody should look. */
const lateMs = 90_000

interface RestartProgressProps {
  title: string
  /** The first step, which the node did before it went. */
  first: string
  last: string
  /** Whether the node is back and as it should be. */
  isDone: boolean
  onDone: () => void
  /** Gives up waiting and shows the page as it is. */
  onLeave: () => void
}

/** Watches a node that starts anew; the page finds it again by itself. */
export function RestartProgress(props: RestartProgressProps) {
  const { isDone, onDone } = props
  const [startedAt] = useState(nodeNow)
  const now = useNow()
  const { reachable } = useSyncExternalStore(subscribeReachability, reachability, reachability)
  const [wasGone, setWasGone] = useState(false)
  useEffect(() => {
    if (!reachable) setWasGone(true)
  }, [reachable])
  useEffect(() => {
    if (isDone) onDone()
  }, [isDone, onDone])

  const at = !reachable ? 1 : wasGone ? 2 : 1
  const steps = [props.first, 'The node starts anew', props.last]
  return (
    <Card>
      <CardBody>
        <Title headingLevel="h2" size="lg" className="hf-gap-below">
          {props.title}
        </Title>
        <ProgressStepper isVertical aria-label={props.title}>
          {steps.map((step, index) => (
            <ProgressStep
              key={step}
              id={`restart-${index}`}
              titleId={`restart-${index}-title`}
              variant={index < at ? 'success' : index === at ? 'info' : 'pending'}
              isCurrent={index === at}
              aria-label={`${step}: ${index < at ? 'done' : index === at ? 'under way' : 'to do'}`}
            >
              {step}
            </ProgressStep>
          ))}
        </ProgressStepper>
        {now - startedAt > lateMs && (
          <Alert
            variant="warning"
            isInline
            className="hf-gap-above"
            title="This takes longer than usual"
            actionLinks={
              <Button variant="link" isInline onClick={props.onLeave}>
                Show the page as it is
              </Button>
            }
          >
            The log of the node says why. If it serves under another address now, open that one.
          </Alert>
        )}
      </CardBody>
    </Card>
  )
}
