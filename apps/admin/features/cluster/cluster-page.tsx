'use client'

import type { ClusterMember } from '@holdfast/api/cluster-services'
import {
  Button,
  Card,
  CardBody,
  CardTitle,
  Flex,
  PageSection,
  Skeleton,
  Stack,
  StackItem,
} from '@patternfly/react-core'
import { useQuery } from '@tanstack/react-query'
import { useCallback, useState } from 'react'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { PageHeader } from '../../components/page-header.tsx'
import { StatusLabel } from '../../components/status-label.tsx'
import { useToasts } from '../../components/toasts.tsx'
import { useNow } from '../../components/use-now.ts'
import { trpc } from '../../lib/api.ts'
import { formatDuration } from '../../lib/format.ts'
import { useAllowed } from '../session/use-session.ts'
import { AddNodeDialog } from './add-node-dialog.tsx'
import { AddressDialog } from './address-dialog.tsx'
import { ClusterSummary } from './cluster-summary.tsx'
import { FoundNodes } from './found-nodes.tsx'
import { InvitationsCard } from './invitations-card.tsx'
import { InviteDialog } from './invite-dialog.tsx'
import { MembersTable } from './members-table.tsx'
import { RecoveryWizard } from './recovery-wizard.tsx'
import { RemoveMemberDialog } from './remove-member-dialog.tsx'
import { RestartProgress } from './restart-progress.tsx'
import { SingleNode } from './single-node.tsx'
import { useCluster } from './use-cluster.ts'
import { type FoundNode, waitingNodes } from './waiting-nodes.ts'

/** A new node announces itself every few seconds. */
const peersRefreshMs = 3_000

type Dialog =
  | { kind: 'add'; node: FoundNode | null }
  | { kind: 'invite' }
  | { kind: 'remove'; member: ClusterMember }
  | { kind: 'address' }
  | { kind: 'recover' }

/** A restart of this node that the page waits for; a recovery begins a new generation. */
type Restart = { kind: 'create' } | { kind: 'recover'; generation: string }

/** The nodes of the facility: who leads, who lags, who is missing, and how to change it. */
export function ClusterPage() {
  const may = useAllowed()
  const toasts = useToasts()
  const { view, error, refetch, lastAt, isStale } = useCluster()
  const [dialog, setDialog] = useState<Dialog | null>(null)
  const [restart, setRestart] = useState<Restart | null>(null)
  const isCluster = view?.mode === 'cluster'
  const peers = useQuery(
    trpc.discovery.peers.queryOptions(undefined, {
      refetchInterval: peersRefreshMs,
      enabled: isCluster && may('cluster.add') && may('discovery.peers'),
    }),
  )
  const waiting = waitingNodes(peers.data ?? [])
  const close = useCallback(() => setDialog(null), [])
  const restarts = (next: Restart) => {
    setDialog(null)
    setRestart(next)
  }
  const arrived = useCallback(() => {
    setRestart((waited) => {
      if (waited?.kind === 'create')
        toasts.success('This node is the first member of a cluster', 'Add two more, so that one may fail.')
      if (waited?.kind === 'recover') toasts.success('This node is the only member now', 'Add others soon.')
      return null
    })
  }, [toasts])
  const own = view?.members.find((member) => member.self)
  const isBack =
    isCluster &&
    view.writable &&
    view.voters > 0 &&
    !isStale &&
    (restart?.kind !== 'recover' || view.generation !== restart.generation)
  const mayGrow = isCluster && view.writable && restart === null
  return (
    <>
      <PageHeader
        title="Cluster"
        description="The nodes that carry this facility together."
        status={lastAt !== null && <Freshness lastAt={lastAt} isStale={isStale} />}
        actions={
          mayGrow && (
            <Flex gap={{ default: 'gapSm' }}>
              {may('cluster.add') && (
                <Button onClick={() => setDialog({ kind: 'add', node: null })}>Add node</Button>
              )}
              {may('cluster.invite') && (
                <Button variant="secondary" onClick={() => setDialog({ kind: 'invite' })}>
                  Invite by code
                </Button>
              )}
            </Flex>
          )
        }
      />
      <PageSection hasBodyWrapper={false}>
        <Stack hasGutter>
          {error !== null && view === undefined && (
            <StackItem>
              <FailureAlert error={error} onRetry={refetch} />
            </StackItem>
          )}
          {restart !== null ? (
            <StackItem>
              <RestartProgress
                title={restart.kind === 'create' ? 'The cluster is being made' : 'This node goes on alone'}
                first={
                  restart.kind === 'create' ? 'The node becomes the first member' : 'The others are left out'
                }
                last="It serves as a member"
                isDone={isBack}
                onDone={arrived}
                onLeave={() => setRestart(null)}
              />
            </StackItem>
          ) : view === undefined ? (
            error === null && (
              <StackItem>
                <Skeleton height="16rem" screenreaderText="Loading the state of the cluster" />
              </StackItem>
            )
          ) : view.mode === 'single' ? (
            <StackItem>
              <Card>
                <CardBody>
                  <SingleNode
                    name={own?.name ?? view.nodeId}
                    onRestart={() => restarts({ kind: 'create' })}
                  />
                </CardBody>
              </Card>
            </StackItem>
          ) : (
            <>
              <StackItem>
                <ClusterSummary
                  view={view}
                  isStale={isStale}
                  lastAt={lastAt}
                  onRecover={() => setDialog({ kind: 'recover' })}
                />
              </StackItem>
              <StackItem>
                <Card isCompact>
                  <CardTitle component="h2">Members</CardTitle>
                  <CardBody>
                    <MembersTable
                      view={view}
                      onRemove={(member) => setDialog({ kind: 'remove', member })}
                      onAddress={() => setDialog({ kind: 'address' })}
                    />
                  </CardBody>
                </Card>
              </StackItem>
              {mayGrow && waiting.length > 0 && (
                <StackItem>
                  <FoundNodes nodes={waiting} onAdd={(node) => setDialog({ kind: 'add', node })} />
                </StackItem>
              )}
              {view.invitations.length > 0 && (
                <StackItem>
                  <InvitationsCard invitations={view.invitations} />
                </StackItem>
              )}
            </>
          )}
        </Stack>
      </PageSection>
      {view !== undefined && dialog?.kind === 'add' && (
        <AddNodeDialog
          view={view}
          nodes={waiting}
          initial={dialog.node}
          onInvite={() => setDialog({ kind: 'invite' })}
          onClose={close}
        />
      )}
      {dialog?.kind === 'invite' && <InviteDialog onClose={close} />}
      {view !== undefined && dialog?.kind === 'remove' && (
        <RemoveMemberDialog view={view} member={dialog.member} onClose={close} />
      )}
      {own !== undefined && dialog?.kind === 'address' && <AddressDialog member={own} onClose={close} />}
      {view !== undefined && dialog?.kind === 'recover' && (
        <RecoveryWizard
          onRestart={() => restarts({ kind: 'recover', generation: view.generation })}
          onClose={close}
        />
      )}
    </>
  )
}

/** Live, or since when not. */
function Freshness({ lastAt, isStale }: { lastAt: number; isStale: boolean }) {
  const now = useNow()
  return isStale ? (
    <StatusLabel status="stale">{`Stale for ${formatDuration(now - lastAt)}`}</StatusLabel>
  ) : (
    <StatusLabel status="live" />
  )
}
