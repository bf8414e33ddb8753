'use client'

import type { ClusterMember } from '@holdfast/api/cluster-services'
import { Content } from '@patternfly/react-core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { ConfirmDialog } from '../../components/confirm-dialog.tsx'
import { useToasts } from '../../components/toasts.tsx'
import { trpc } from '../../lib/api.ts'
import { AddressChoice, type ChosenAddress, isAddress, noAddress } from './address-choice.tsx'
import { doneBy, refreshCluster } from './refresh.ts'

/** Tells the others where this node is now reached. */
export function AddressDialog({ member, onClose }: { member: ClusterMember; onClose: () => void }) {
  const toasts = useToasts()
  const [address, setAddress] = useState<ChosenAddress>(noAddress)
  const change = useMutation(
    trpc.cluster.setAddress.mutationOptions({
      onSuccess: async (by) => {
        onClose()
        toasts.success(`${member.name} is now reached at ${address.value.trim()}`, doneBy(by))
        await refreshCluster()
      },
    }),
  )
  return (
    <ConfirmDialog
      isOpen
      title="Change the address of this node"
      confirm="Change"
      isReady={isAddress(address.value) && address.value.trim() !== member.address}
      isPending={change.isPending}
      error={change.error}
      onClose={onClose}
      onConfirm={() => change.mutate({ address: address.value.trim() })}
    >
      <Content component="p">
        The others reach it at <strong className="hf-code">{member.address ?? 'no address yet'}</strong>. Give
        the machine its new address first, then say so here: nothing is lost if the two are apart for a while.
      </Content>
      <AddressChoice label="Where is this node reached now?" chosen={address} onChange={setAddress} />
    </ConfirmDialog>
  )
}
