'use client'

import { limits } from '@holdfast/api/contract/limits'
import { nameSchema } from '@holdfast/api/contract/names'
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
  Radio,
  TextInput,
} from '@patternfly/react-core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { Dialog } from '../../components/dialog.tsx'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { useToasts } from '../../components/toasts.tsx'
import { trpc } from '../../lib/api.ts'
import { kindTexts } from '../messages/channel-looks.tsx'
import { PersonPicker, type Picked } from '../people/person-picker.tsx'
import { GroupPicker } from './group-picker.tsx'
import { refreshChannels } from './refresh.ts'
import { isRetentionValid, type Retention, retentionDays } from './retention.ts'
import { RetentionField } from './retention-field.tsx'

const kinds = ['group', 'open', 'announcement'] as const
type Kind = (typeof kinds)[number]

interface ChannelCreateProps {
  onCreated: (id: string) => void
  onClose: () => void
}

/** Makes a channel, with its members at once. */
export function ChannelCreate({ onCreated, onClose }: ChannelCreateProps) {
  const toasts = useToasts()
  const [name, setName] = useState('')
  const [kind, setKind] = useState<Kind>('group')
  const [topic, setTopic] = useState('')
  const [members, setMembers] = useState<Picked[]>([])
  const [groups, setGroups] = useState<ReadonlySet<string>>(new Set())
  const [retention, setRetention] = useState<Retention>({ kind: 'default' })
  const create = useMutation(
    trpc.channels.create.mutationOptions({
      onSuccess: async (channel) => {
        toasts.success(`${channel.title} is made`)
        onCreated(channel.id)
        await refreshChannels()
      },
    }),
  )
  const checked = nameSchema.safeParse(name)
  const nameFault = name === '' || checked.success ? null : (checked.error.issues[0]?.message ?? 'not a name')
  const mayCreate = checked.success && isRetentionValid(retention) && !create.isPending
  const close = create.isPending ? () => undefined : onClose
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!mayCreate) return
    const days = retentionDays(retention)
    create.mutate({
      name: checked.data,
      kind,
      topic,
      members: members.map((person) => person.id),
      groups: [...groups],
      ...(days === undefined ? {} : { retentionDays: days }),
    })
  }
  return (
    <Dialog variant="medium" isOpen onClose={close} aria-labelledby="channel-create-title">
      <ModalHeader title="Create a channel" labelId="channel-create-title" />
      <ModalBody>
        <Form id="channel-create" onSubmit={submit}>
          <FormGroup label="Name" fieldId="channel-name" isRequired>
            <TextInput
              id="channel-name"
              value={name}
              isRequired
              autoComplete="off"
              maxLength={limits.nameLength}
              validated={nameFault === null ? 'default' : 'error'}
              onChange={(_event, value) => setName(value)}
            />
            <FormHelperText>
              <HelperText>
                <HelperTextItem variant={nameFault === null ? 'default' : 'error'}>
                  {nameFault ?? 'Lower case, for example north-gate'}
                </HelperTextItem>
              </HelperText>
            </FormHelperText>
          </FormGroup>
          <FormGroup role="radiogroup" label="Kind" fieldId="channel-kind">
            {kinds.map((each) => (
              <Radio
                key={each}
                id={`channel-kind-${each}`}
                name="kind"
                label={kindTexts[each].title}
                description={kindTexts[each].text}
                isChecked={kind === each}
                onChange={() => setKind(each)}
              />
            ))}
          </FormGroup>
          <FormGroup label="Topic" fieldId="channel-topic">
            <TextInput
              id="channel-topic"
              value={topic}
              maxLength={limits.topicLength}
              onChange={(_event, value) => setTopic(value)}
            />
          </FormGroup>
          <FormGroup label="People">
            <PersonPicker label="People" picked={members} onChange={setMembers} />
          </FormGroup>
          <FormGroup role="group" label="Groups" fieldId="channel-groups">
            <GroupPicker picked={groups} onChange={setGroups} />
          </FormGroup>
          <RetentionField retention={retention} onChange={setRetention} hasDefault />
          <FailureAlert error={create.error} />
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button type="submit" form="channel-create" isDisabled={!mayCreate} isLoading={create.isPending}>
          Create
        </Button>
        <Button variant="link" onClick={close} isDisabled={create.isPending}>
          Cancel
        </Button>
      </ModalFooter>
    </Dialog>
  )
}
