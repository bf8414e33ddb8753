'use client'

import { limits } from '@holdfast/api/contract/limits'
import { nameSchema } from '@holdfast/api/contract/names'
import type { ChannelView } from '@holdfast/api/services'
import {
  Button,
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
import { Dialog } from '../../components/dialog.tsx'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { useToasts } from '../../components/toasts.tsx'
import { trpc } from '../../lib/api.ts'
import { refreshChannels } from './refresh.ts'
import { isRetentionValid, type Retention, retentionDays } from './retention.ts'
import { RetentionField } from './retention-field.tsx'

/** Changes what a channel is called, what it is about, and how long it keeps messages. */
export function ChannelEdit({ channel, onClose }: { channel: ChannelView; onClose: () => void }) {
  const toasts = useToasts()
  const [name, setName] = useState(channel.name ?? '')
  const [topic, setTopic] = useState(channel.topic)
  const [retention, setRetention] = useState<Retention>(
    channel.retentionDays === null
      ? { kind: 'forever' }
      : { kind: 'days', days: String(channel.retentionDays) },
  )
  const update = useMutation(
    trpc.channels.update.mutationOptions({
      onSuccess: async (updated) => {
        toasts.success(`${updated.title} is saved`)
        onClose()
        await refreshChannels()
      },
    }),
  )
  const checked = nameSchema.safeParse(name)
  const maySave = checked.success && isRetentionValid(retention) && !update.isPending
  const close = update.isPending ? () => undefined : onClose
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!maySave) return
    const days = retentionDays(retention)
    update.mutate({
      id: channel.id,
      topic,
      ...(checked.data === channel.name ? {} : { name: checked.data }),
      ...(days === undefined ? {} : { retentionDays: days }),
    })
  }
  return (
    <Dialog variant="small" isOpen onClose={close} aria-labelledby="channel-edit-title">
      <ModalHeader title={`Edit ${channel.title}`} labelId="channel-edit-title" />
      <ModalBody>
        <Form id="channel-edit" onSubmit={submit}>
          <FormGroup label="Name" fieldId="edit-name" isRequired>
            <TextInput
              id="edit-name"
              value={name}
              isRequired
              maxLength={limits.nameLength}
              validated={checked.success ? 'default' : 'error'}
              onChange={(_event, value) => setName(value)}
            />
            {!checked.success && (
              <FormHelperText>
                <HelperText>
                  <HelperTextItem variant="error">{checked.error.issues[0]?.message}</HelperTextItem>
                </HelperText>
              </FormHelperText>
            )}
          </FormGroup>
          <FormGroup label="Topic" fieldId="edit-topic">
            <TextInput
              id="edit-topic"
              value={topic}
              maxLength={limits.topicLength}
              onChange={(_event, value) => setTopic(value)}
            />
          </FormGroup>
          <RetentionField retention={retention} onChange={setRetention} hasDefault={false} />
          <FailureAlert error={update.error} />
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button type="submit" form="channel-edit" isDisabled={!maySave} isLoading={update.isPending}>
          Save
        </Button>
        <Button variant="link" onClick={close} isDisabled={update.isPending}>
          Cancel
        </Button>
      </ModalFooter>
    </Dialog>
  )
}
