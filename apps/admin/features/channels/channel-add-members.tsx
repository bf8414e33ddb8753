'use client'

import type { ChannelDetail } from '@holdfast/api/services'
import { Button, Form, FormGroup, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { Dialog } from '../../components/dialog.tsx'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { useToasts } from '../../components/toasts.tsx'
import { trpc } from '../../lib/api.ts'
import { PersonPicker, type Picked } from '../people/person-picker.tsx'
import { GroupPicker } from './group-picker.tsx'
import { refreshChannels } from './refresh.ts'

/** Adds people by name and groups as a whole. */
export function ChannelAddMembers({ channel, onClose }: { channel: ChannelDetail; onClose: () => void }) {
  const toasts = useToasts()
  const [people, setPeople] = useState<Picked[]>([])
  const [groups, setGroups] = useState<ReadonlySet<string>>(new Set())
  const add = useMutation(
    trpc.channels.addMembers.mutationOptions({
      onSuccess: async () => {
        toasts.success(`${channel.title} has new members`)
        onClose()
        await refreshChannels()
      },
    }),
  )
  const mayAdd = (people.length > 0 || groups.size > 0) && !add.isPending
  const close = add.isPending ? () => undefined : onClose
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (mayAdd)
      add.mutate({ id: channel.id, members: people.map((person) => person.id), groups: [...groups] })
  }
  return (
    <Dialog variant="small" isOpen onClose={close} aria-labelledby="add-members-title">
      <ModalHeader title={`Add to ${channel.title}`} labelId="add-members-title" />
      <ModalBody>
        <Form id="add-members" onSubmit={submit}>
          <FormGroup label="People">
            <PersonPicker
              label="People"
              picked={people}
              onChange={setPeople}
              without={
                new Set(channel.members.filter((member) => member.via === null).map((member) => member.id))
              }
            />
          </FormGroup>
          <FormGroup role="group" label="Groups" fieldId="add-groups">
            <GroupPicker
              picked={groups}
              onChange={setGroups}
              without={new Set(channel.groups.map((group) => group.id))}
            />
          </FormGroup>
          <FailureAlert error={add.error} />
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button type="submit" form="add-members" isDisabled={!mayAdd} isLoading={add.isPending}>
          Add
        </Button>
        <Button variant="link" onClick={close} isDisabled={add.isPending}>
          Cancel
        </Button>
      </ModalFooter>
    </Dialog>
  )
}
