'use client'

import type { Alert as NodeAlert } from '@holdfast/api/services'
import { Alert, AlertGroup, Card, CardBody, Flex, FlexItem, Icon, Title } from '@patternfly/react-core'
import { CheckCircleIcon } from '@patternfly/react-icons/dist/esm/icons/check-circle-icon'
import { ExclamationCircleIcon } from '@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon'
import { ExclamationTriangleIcon } from '@patternfly/react-icons/dist/esm/icons/exclamation-triangle-icon'
import { RelativeTime } from '../../components/relative-time.tsx'
import { clockOffsetMs } from '../../lib/clock.ts'
import { count, formatDuration } from '../../lib/format.ts'

interface OverviewHealthProps {
  alerts: NodeAlert[]
  isStale: boolean
  lastAt: number | null
}

/** A clock further off than this makes times in messages and logs misleading. */
const tolerableOffsetMs = 60_000
const variants = { alert: 'danger', warning: 'warning', info: 'info' } as const

/** One sentence on how the node is, then each thing that needs attention, the gravest first. */
export function OverviewHealth({ alerts, isStale, lastAt }: OverviewHealthProps) {
  const offset = clockOffsetMs()
  const grave = alerts.filter((alert) => alert.level === 'alert').length
  const warnings = alerts.filter((alert) => alert.level === 'warning').length
  const summary =
    alerts.length > 0
      ? 'Each entry says what happened and how to mend it.'
      : 'No alert stands on this node; it sends its state every second.'
  const state =
    isStale || lastAt === null
      ? ({ look: 'warning', icon: ExclamationTriangleIcon, text: 'No news from the node' } as const)
      : grave > 0
        ? ({
            look: 'danger',
            icon: ExclamationCircleIcon,
            text: `${count(grave, 'alert')} to act on now`,
          } as const)
        : warnings > 0
          ? ({
              look: 'warning',
              icon: ExclamationTriangleIcon,
              text: `${count(warnings, 'warning')} to look at`,
            } as const)
          : ({ look: 'success', icon: CheckCircleIcon, text: 'Healthy' } as const)
  return (
    <Card isCompact className="hf-health" data-state={state.look}>
      <CardBody>
        <Flex alignItems={{ default: 'alignItemsCenter' }} flexWrap={{ default: 'nowrap' }}>
          <Icon size="xl" status={state.look}>
            <state.icon />
          </Icon>
          <FlexItem className="hf-shrink">
            <Title headingLevel="h2" size="lg">
              {state.text}
            </Title>
            <p className="hf-subtle">
              {isStale || lastAt === null ? (
                <>
                  Last heard <RelativeTime at={lastAt} />. What follows may be out of date.
                </>
              ) : (
                summary
              )}
            </p>
          </FlexItem>
        </Flex>
        {(alerts.length > 0 || Math.abs(offset) > tolerableOffsetMs) && (
          <AlertGroup className="hf-gap-above" aria-label="Alerts">
            {alerts.map((alert) => (
              <Alert
                key={alert.code}
                variant={variants[alert.level]}
                isInline
                component="h3"
                title={alert.message}
              >
                <span className="hf-subtle">
                  Since <RelativeTime at={alert.since} /> · {alert.code}
                </span>
              </Alert>
            ))}
            {Math.abs(offset) > tolerableOffsetMs && (
              <Alert
                variant="info"
                isInline
                component="h3"
                title={`This computer’s clock is ${formatDuration(Math.abs(offset))} ${offset > 0 ? 'behind' : 'ahead of'} the node’s`}
              >
                Ages on these pages follow the node’s clock. Set whichever of the two is wrong.
              </Alert>
            )}
          </AlertGroup>
        )}
      </CardBody>
    </Card>
  )
}
