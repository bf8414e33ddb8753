'use client'

import type { ClusterView } from '@holdfast/api/cluster-services'
import { Button, Card, CardBody, Flex, FlexItem, Icon, Title } from '@patternfly/react-core'
import { CheckCircleIcon } from '@patternfly/react-icons/dist/esm/icons/check-circle-icon'
import { ExclamationCircleIcon } from '@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon'
import { ExclamationTriangleIcon } from '@patternfly/react-icons/dist/esm/icons/exclamation-triangle-icon'
import { Facts } from '../../components/facts.tsx'
import { RelativeTime } from '../../components/relative-time.tsx'
import { formatNumber } from '../../lib/format.ts'
import { useAllowed } from '../session/use-session.ts'
import css from './cluster.module.css'
import { ClusterRing } from './cluster-ring.tsx'
import { faultsOf, nameOf, verdictOf } from './verdict.ts'

const icons = {
  success: CheckCircleIcon,
  warning: ExclamationTriangleIcon,
  danger: ExclamationCircleIcon,
} as const

interface ClusterSummaryProps {
  view: ClusterView
  isStale: boolean
  lastAt: number | null
  onRecover: () => void
}

/** How the cluster is, in a picture, a sentence and the few numbers that decide. */
export function ClusterSummary({ view, isStale, lastAt, onRecover }: ClusterSummaryProps) {
  const may = useAllowed()
  const verdict = isStale
    ? ({ look: 'warning', title: 'No news from the node', text: '' } as const)
    : verdictOf(view)
  const Shape = icons[verdict.look]
  return (
    <Card isCompact className="hf-health" data-state={verdict.look}>
      <CardBody>
        <div className={css.summary}>
          <ClusterRing view={view} />
          <div className={css.words}>
            <Flex
              alignItems={{ default: 'alignItemsCenter' }}
              flexWrap={{ default: 'nowrap' }}
              className="hf-gap-below"
            >
              <Icon size="xl" status={verdict.look}>
                <Shape />
              </Icon>
              <FlexItem className="hf-shrink" aria-live="polite">
                <Title headingLevel="h2" size="lg">
                  {verdict.title}
                </Title>
                <p className="hf-subtle">
                  {isStale ? (
                    <>
                      Last heard <RelativeTime at={lastAt} />. What follows may be out of date.
                    </>
                  ) : (
                    verdict.text
                  )}
                </p>
              </FlexItem>
            </Flex>
            <Facts
              label="Numbers of the cluster"
              facts={[
                {
                  term: 'Leader',
                  value: `${nameOf(view, view.leader) ?? 'none'} · term ${formatNumber(view.term)}`,
                },
                {
                  term: 'Voters',
                  value: `${view.reachableVoters} of ${view.voters} there · ${view.quorum} needed to write`,
                },
                { term: 'Common version', value: view.commonVersion },
              ]}
            />
            {!isStale && <Faults view={view} />}
            {!view.writable && may('cluster.recoveryPlan') && (
              <Button variant="danger" className="hf-gap-above" onClick={onRecover}>
                The others are lost for good…
              </Button>
            )}
          </div>
        </div>
      </CardBody>
    </Card>
  )
}

/** Whatever needs somebody's attention, by member. */
function Faults({ view }: { view: ClusterView }) {
  const faults = view.members.flatMap((member) => faultsOf(view, member).map((fault) => ({ member, fault })))
  if (faults.length === 0) return null
  return (
    <ul className={css.faults} aria-label="What needs attention">
      {faults.map(({ member, fault }) => (
        <li key={`${member.nodeId} ${fault}`}>
          <strong dir="auto">{member.name}</strong> {fault}
        </li>
      ))}
    </ul>
  )
}
