'use client'

import { Alert, Card, CardBody, CardTitle, Skeleton, Stack, StackItem } from '@patternfly/react-core'
import { useQuery } from '@tanstack/react-query'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { trpc } from '../../lib/api.ts'
import { useAllowed } from '../session/use-session.ts'
import { DiscoveryForm } from './discovery-form.tsx'
import { InterfacesTable } from './interfaces-table.tsx'
import { PeersTable } from './peers-table.tsx'

/** How this node makes itself known on the LAN, and which nodes it has found. */
export function NodeTab() {
  const may = useAllowed()
  const node = useQuery(trpc.settings.node.queryOptions())
  const mayChange = may('settings.updateNode')
  if (node.data === undefined)
    return node.error ? (
      <FailureAlert error={node.error} onRetry={() => void node.refetch()} />
    ) : (
      <Skeleton height="20rem" screenreaderText="Loading the settings of this node" />
    )
  return (
    <Stack hasGutter>
      <StackItem>
        <Card className="hf-form-card">
          <CardTitle component="h2">Announcing</CardTitle>
          <CardBody>
            {!mayChange && (
              <Alert
                variant="info"
                isInline
                className="hf-gap-below"
                title="You can see this; an owner, operator or installer changes it."
              />
            )}
            <DiscoveryForm settings={node.data} isReadOnly={!mayChange} />
          </CardBody>
        </Card>
      </StackItem>
      <StackItem>
        <Card>
          <CardTitle component="h2">
            Network interfaces
            <p className="hf-subtle hf-lead">
              By default the node is announced only where the facility’s own network is.
            </p>
          </CardTitle>
          <CardBody>
            <InterfacesTable rows={node.data.interfaces} />
          </CardBody>
        </Card>
      </StackItem>
      {may('discovery.peers') && (
        <StackItem>
          <Card>
            <CardTitle component="h2">Nodes found</CardTitle>
            <CardBody>
              <PeersTable />
            </CardBody>
          </Card>
        </StackItem>
      )}
    </Stack>
  )
}
