'use client'

import { limits } from '@holdfast/api/contract/limits'
import type { DeviceView } from '@holdfast/api/services'
import {
  Button,
  Content,
  Form,
  FormGroup,
  FormHelperText,
  HelperText,
  HelperTextItem,
  ModalBody,
  ModalFooter,
  ModalHeader,
  TextInput,
} from '@patternfly/react-core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { ConfirmDialog } from '../../components/confirm-dialog.tsx'
import { Dialog } from '../../components/dialog.tsx'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { useToasts } from '../../components/toasts.tsx'
import { queryClient, trpc } from '../../lib/api.ts'
import { parseTags } from './parse-tags.ts'

const tagsMax = 16
const tagLength = 32

/** Everything that shows devices is asked for again: lists, details, counts. */
export const refreshDevices = () =>
  Promise.all([
    queryClient.invalidateQueries(trpc.devices.pathFilter()),
    queryClient.invalidateQueries(trpc.people.get.pathFilter()),
    queryClient.invalidateQueries(trpc.overview.status.pathFilter()),
    queryClient.invalidateQueries(trpc.audit.search.pathFilter()),
  ])

export function RevokeDialog({ device, onClose }: { device: DeviceView | null; onClose: () => void }) {
  const toasts = useToasts()
  const [reason, setReason] = useState('')
  const revoke = useMutation(
    trpc.devices.revoke.mutationOptions({
      onSuccess: async (revoked) => {
        close()
        toasts.success(`${revoked.name} is revoked`, 'Its connections were cut and its sessions ended.')
        await refreshDevices()
      },
    }),
  )
  const close = () => {
    setReason('')
    revoke.reset()
    onClose()
  }
  if (device === null) return null
  const isPending = device.status === 'pending'
  return (
    <ConfirmDialog
      isOpen
      isDanger
      title={isPending ? `Refuse “${device.name}”?` : `Revoke “${device.name}”?`}
      confirm={isPending ? 'Refuse' : 'Revoke'}
      isPending={revoke.isPending}
      error={revoke.error}
      onClose={close}
      onConfirm={() =>
        revoke.mutate({ id: device.id, ...(reason.trim() === '' ? {} : { reason: reason.trim() }) })
      }
    >
      <Content component="p">
        {isPending ? (
          <>
            The device of <strong dir="auto">{device.personName}</strong> gets no certificate. This can not be
            undone; the device would have to enrol again with a new key.
          </>
        ) : (
          <>
            The device of <strong dir="auto">{device.personName}</strong> is disconnected within a second and
            its certificate is no longer accepted. This can not be undone; the device would have to enrol
            again.
          </>
        )}
      </Content>
      <FormGroup label="Reason (goes into the audit log)" fieldId="revoke-reason">
        <TextInput
          id="revoke-reason"
          value={reason}
          maxLength={limits.topicLength}
          onChange={(_event, value) => setReason(value)}
          placeholder="Lost, stolen, replaced…"
        />
      </FormGroup>
    </ConfirmDialog>
  )
}

export function EditDeviceDialog({ device, onClose }: { device: DeviceView; onClose: () => void }) {
  const toasts = useToasts()
  const [name, setName] = useState(device.name)
  const [site, setSite] = useState(device.site)
  const [tags, setTags] = useState(device.tags.join(', '))
  const parsed = parseTags(tags)
  const tagFault =
    parsed.length > tagsMax
      ? `A device has at most ${tagsMax} tags.`
      : parsed.some((tag) => tag.length > tagLength)
        ? `A tag has at most ${tagLength} characters.`
        : null
  const update = useMutation(
    trpc.devices.update.mutationOptions({
      onSuccess: async (updated) => {
        onClose()
        toasts.success(`${updated.name} is saved`)
        await refreshDevices()
      },
    }),
  )
  const mayClose = update.isPending ? () => undefined : onClose
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (tagFault === null) update.mutate({ id: device.id, name, site, tags: parsed })
  }
  return (
    <Dialog variant="small" isOpen onClose={mayClose} aria-labelledby="edit-device-title">
      <ModalHeader title={`Edit ${device.name}`} labelId="edit-device-title" />
      <ModalBody>
        <Form id="edit-device" onSubmit={submit}>
          <FormGroup label="Name" fieldId="device-name" isRequired>
            <TextInput
              id="device-name"
              value={name}
              isRequired
              maxLength={limits.displayNameLength}
              onChange={(_event, value) => setName(value)}
            />
          </FormGroup>
          <FormGroup label="Site" fieldId="device-site">
            <TextInput
              id="device-site"
              value={site}
              maxLength={limits.nameLength}
              onChange={(_event, value) => setSite(value)}
            />
          </FormGroup>
          <FormGroup label="Tags" fieldId="device-tags">
            <TextInput
              id="device-tags"
              value={tags}
              validated={tagFault === null ? 'default' : 'error'}
              aria-describedby="device-tags-help"
              onChange={(_event, value) => setTags(value)}
            />
            <FormHelperText>
              <HelperText id="device-tags-help">
                <HelperTextItem variant={tagFault === null ? 'default' : 'error'}>
                  {tagFault ?? 'Separate tags with commas: patrol, north gate'}
                </HelperTextItem>
              </HelperText>
            </FormHelperText>
          </FormGroup>
          <FailureAlert error={update.error} />
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button
          type="submit"
          form="edit-device"
          isLoading={update.isPending}
          isDisabled={update.isPending || name.trim() === '' || tagFault !== null}
        >
          Save
        </Button>
        <Button variant="link" onClick={mayClose} isDisabled={update.isPending}>
          Cancel
        </Button>
      </ModalFooter>
    </Dialog>
  )
}
