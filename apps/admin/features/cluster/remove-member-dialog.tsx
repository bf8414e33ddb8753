'use client'

import type { ClusterMember, ClusterView } from '@holdfast/api/cluster-services'
import { type Removal, removalOf } from '@holdfast/api/contract/quorum'
import { Alert, Content } from '@patternfly/react-core'
import { useMutation } from '@tanstack/react-query'
import { ConfirmDialog } from '../../components/confirm-dialog.tsx'
import { useToasts } from '../../components/toasts.tsx'
import { trpc } from '../../lib/api.ts'
import css from './cluster.module.css'
import { doneBy, refreshCluster } from './refresh.ts'

interface RemoveMemberDialogProps {
  view: ClusterView
  member: ClusterMember
  onClose: () => void
}

/** Asks before a member is taken out, with what it means for the quorum. */
export function RemoveMemberDialog({ view, member, onClose }: RemoveMemberDialogProps) {
  const toasts = useToasts()
  const remove = useMutation(
    trpc.cluster.remove.mutationOptions({
      onSuccess: async (by) => {
        onClose()
        toasts.success(`${member.name} is no member any more`, doneBy(by))
        await refreshCluster()
      },
    }),
  )
  const removal = removalOf(view, member)
  const others = view.members.filter((each) => !each.self && each.url !== null && each.state === 'online')
  return (
    <ConfirmDialog
      isOpen
      isDanger
      title={`Remove “${member.name}”?`}
      confirm="Remove"
      typed={member.name}
      isPending={remove.isPending}
      error={remove.error}
      onClose={onClose}
      onConfirm={() => remove.mutate({ nodeId: member.nodeId })}
    >
      <Content component="p">
        It is taken out for good: the others no longer accept its certificate, and what it holds is worth
        nothing from then on. To bring the machine back, empty its data folder and add it anew.
      </Content>
      <Sizes removal={removal} />
      <div className={css.options}>
        <Risk removal={removal} />
        {member.self && (
          <Alert variant="warning" isInline component="h2" title="You are signed in to this node">
            It stops serving.{' '}
            {others.length > 0 ? (
              <>
                Go on at{' '}
                {others.map((each, index) => (
                  <span key={each.nodeId}>
                    {index > 0 && ', '}
                    <a href={each.url ?? ''}>{each.name}</a>
                  </span>
                ))}
                .
              </>
            ) : (
              'Go on at another one.'
            )}
          </Alert>
        )}
      </div>
    </ConfirmDialog>
  )
}

function Sizes({ removal: { before, after } }: { removal: Removal }) {
  const rows = [
    ['Voters', before.voters, after.voters],
    ['Of them there', before.reachable, after.reachable],
    ['Needed to write', before.quorum, after.quorum],
    ['May fail', Math.max(0, before.reachable - before.quorum), Math.max(0, after.reachable - after.quorum)],
  ] as const
  return (
    <table className={css.sizes} aria-label="What changes">
      <thead>
        <tr>
          <td />
          <th scope="col">Now</th>
          <th scope="col">Afterwards</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([title, now, then]) => (
          <tr key={title}>
            <th scope="row">{title}</th>
            <td>{now}</td>
            <td>{then}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function Risk({ removal: { after, risk } }: { removal: Removal }) {
  if (risk === 'fine') return null
  return risk === 'stops' ? (
    <Alert variant="danger" isInline component="h2" title="The cluster would stop writing">
      {after.reachable} of {after.voters} voters would be there and {after.quorum} are needed. Bring the
      missing node back, or remove that one instead.
    </Alert>
  ) : (
    <Alert variant="warning" isInline component="h2" title="The next failure would stop the writing">
      Add another node soon.
    </Alert>
  )
}
