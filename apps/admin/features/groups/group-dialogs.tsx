'use client'

import { limits } from '@holdfast/api/contract/limits'
import { nameSchema } from '@holdfast/api/contract/names'
import type { GroupView } from '@holdfast/api/services'
import { Button, Form, FormGroup, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, type ReactNode, useState } from 'react'
import { Dialog } from '../../components/dialog.tsx'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { FormField } from '../../components/form-field.tsx'
import { useToasts } from '../../components/toasts.tsx'
import { trpc } from '../../lib/api.ts'
import { PersonPicker, type Picked } from '../people/person-picker.tsx'
import { refreshPeople } from '../people/refresh.ts'

interface GroupFormProps {
  title: string
  verb: string
  isReady: boolean
  isPending: boolean
  error: unknown
  onSubmit: () => void
  onClose: () => void
  children: ReactNode
}

function GroupForm(props: GroupFormProps) {
  const close = props.isPending ? () => undefined : props.onClose
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (props.isReady && !props.isPending) props.onSubmit()
  }
  return (
    <Dialog variant="small" isOpen onClose={close} aria-labelledby="group-form-title">
      <ModalHeader title={props.title} labelId="group-form-title" />
      <ModalBody>
        <Form id="group-form" onSubmit={submit}>
          {props.children}
          <FailureAlert error={props.error} />
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button
          type="submit"
          form="group-form"
          isDisabled={!props.isReady || props.isPending}
          isLoading={props.isPending}
        >
          {props.verb}
        </Button>
        <Button variant="link" onClick={close} isDisabled={props.isPending}>
          Cancel
        </Button>
      </ModalFooter>
    </Dialog>
  )
}

/** Name and description with their rules, for a new group and for one that is changed. */
function useGroupFields(initial: { name: string; description: string }) {
  const [name, setName] = useState(initial.name)
  const [description, setDescription] = useState(initial.description)
  const checked = nameSchema.safeParse(name)
  const fault = name === '' || checked.success ? null : (checked.error.issues[0]?.message ?? 'not a name')
  return {
    name: checked.success ? checked.data : null,
    description,
    fields: (
      <>
        <FormField
          label="Name"
          value={name}
          onChange={setName}
          isRequired
          autoFocus
          maxLength={limits.nameLength}
          error={fault}
          help="Lower case, for example night-shift"
        />
        <FormField
          label="Description"
          value={description}
          onChange={setDescription}
          maxLength={limits.topicLength}
        />
      </>
    ),
  }
}

export function GroupCreate({
  onClose,
  onCreated,
}: {
  onClose: () => void
  onCreated: (id: string) => void
}) {
  const toasts = useToasts()
  const { name, description, fields } = useGroupFields({ name: '', description: '' })
  const [members, setMembers] = useState<Picked[]>([])
  const create = useMutation(
    trpc.groups.create.mutationOptions({
      onSuccess: async (group) => {
        toasts.success(`${group.name} is made`)
        onCreated(group.id)
        await refreshPeople()
      },
    }),
  )
  return (
    <GroupForm
      title="Create a group"
      verb="Create"
      isReady={name !== null}
      isPending={create.isPending}
      error={create.error}
      onClose={onClose}
      onSubmit={() =>
        name !== null && create.mutate({ name, description, members: members.map((person) => person.id) })
      }
    >
      {fields}
      <FormGroup label="People">
        <PersonPicker label="People" picked={members} onChange={setMembers} />
      </FormGroup>
    </GroupForm>
  )
}

export function GroupEdit({ group, onClose }: { group: GroupView; onClose: () => void }) {
  const toasts = useToasts()
  const { name, description, fields } = useGroupFields(group)
  const update = useMutation(
    trpc.groups.update.mutationOptions({
      onSuccess: async (saved) => {
        toasts.success(`${saved.name} is saved`)
        onClose()
        await refreshPeople()
      },
    }),
  )
  return (
    <GroupForm
      title={`Edit ${group.name}`}
      verb="Save"
      isReady={name !== null}
      isPending={update.isPending}
      error={update.error}
      onClose={onClose}
      onSubmit={() =>
        name !== null &&
        update.mutate({ id: group.id, description, ...(name === group.name ? {} : { name }) })
      }
    >
      {fields}
    </GroupForm>
  )
}

export function GroupAddMembers({ group, onClose }: { group: GroupView; onClose: () => void }) {
  const toasts = useToasts()
  const [picked, setPicked] = useState<Picked[]>([])
  const add = useMutation(
    trpc.groups.addMembers.mutationOptions({
      onSuccess: async () => {
        toasts.success(`${group.name} has new people`)
        onClose()
        await refreshPeople()
      },
    }),
  )
  return (
    <GroupForm
      title={`Add people to ${group.name}`}
      verb="Add"
      isReady={picked.length > 0}
      isPending={add.isPending}
      error={add.error}
      onClose={onClose}
      onSubmit={() => add.mutate({ id: group.id, members: picked.map((person) => person.id) })}
    >
      <FormGroup label="People">
        <PersonPicker
          label="People"
          picked={picked}
          onChange={setPicked}
          without={new Set(group.members.map((member) => member.id))}
        />
      </FormGroup>
    </GroupForm>
  )
}
