'use client'

import {
  Button,
  Content,
  EmptyState,
  EmptyStateActions,
  EmptyStateBody,
  EmptyStateFooter,
  Form,
  ModalBody,
  ModalFooter,
  ModalHeader,
} from '@patternfly/react-core'
import { ClusterIcon } from '@patternfly/react-icons/dist/esm/icons/cluster-icon'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { Dialog } from '../../components/dialog.tsx'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { trpc } from '../../lib/api.ts'
import { failureOf } from '../../lib/errors.ts'
import { useAllowed } from '../session/use-session.ts'
import { AddressChoice, type ChosenAddress, isAddress, noAddress } from './address-choice.tsx'

/** What a cluster gives, and the way to one. */
export function SingleNode({ name, onRestart }: { name: string; onRestart: () => void }) {
  const may = useAllowed()
  const [isAsking, setIsAsking] = useState(false)
  return (
    <EmptyState
      headingLevel="h2"
      icon={ClusterIcon}
      titleText={
        <>
          <span dir="auto">{name}</span> works alone
        </>
      }
    >
      <EmptyStateBody>
        With three nodes the facility goes on when one of them fails, and whatever was acknowledged is on the
        disks of at least two. Everybody can then use any of the nodes.
      </EmptyStateBody>
      <EmptyStateFooter>
        <EmptyStateActions>
          {may('cluster.create') ? (
            <Button onClick={() => setIsAsking(true)}>Make this a cluster</Button>
          ) : (
            <p className="hf-subtle">An owner, operator or installer makes it a cluster.</p>
          )}
        </EmptyStateActions>
      </EmptyStateFooter>
      {isAsking && <CreateDialog onClose={() => setIsAsking(false)} onRestart={onRestart} />}
    </EmptyState>
  )
}

function CreateDialog({ onClose, onRestart }: { onClose: () => void; onRestart: () => void }) {
  const [address, setAddress] = useState<ChosenAddress>(noAddress)
  const create = useMutation(
    trpc.cluster.create.mutationOptions({
      onSuccess: onRestart,
      // The node may be gone before its answer was: it is on its way, and the page sees whether it comes back.
      onError: (error) => {
        if (failureOf(error).code === 'unreachable') onRestart()
      },
    }),
  )
  const close = create.isPending ? () => undefined : onClose
  const isReady = isAddress(address.value)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (isReady) create.mutate({ address: address.value.trim() })
  }
  return (
    <Dialog variant="small" isOpen onClose={close} aria-labelledby="create-cluster-title">
      <ModalHeader title="Make this a cluster" labelId="create-cluster-title" />
      <ModalBody>
        <Form id="create-cluster" onSubmit={submit}>
          <Content component="p">
            This node becomes the first member and starts anew, which takes some seconds. Nothing is lost;
            people are connected again by themselves. The other nodes are added afterwards.
          </Content>
          <AddressChoice
            label="Where will the other nodes reach this one?"
            chosen={address}
            onChange={setAddress}
          />
          <FailureAlert error={create.error} />
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button
          type="submit"
          form="create-cluster"
          isLoading={create.isPending}
          isDisabled={create.isPending || !isReady}
        >
          Make this a cluster
        </Button>
        <Button variant="link" onClick={close} isDisabled={create.isPending}>
          Cancel
        </Button>
      </ModalFooter>
    </Dialog>
  )
}
