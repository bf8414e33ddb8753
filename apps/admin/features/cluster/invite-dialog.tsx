'use client'

import {
  Alert,
  Button,
  Content,
  Form,
  FormGroup,
  FormSelect,
  FormSelectOption,
  ModalBody,
  ModalFooter,
  ModalHeader,
} from '@patternfly/react-core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { CopyableText } from '../../components/copyable-text.tsx'
import { Dialog } from '../../components/dialog.tsx'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { useToasts } from '../../components/toasts.tsx'
import { useNow } from '../../components/use-now.ts'
import { trpc } from '../../lib/api.ts'
import { formatDuration } from '../../lib/format.ts'
import css from './cluster.module.css'
import { doneBy, refreshCluster } from './refresh.ts'

const lives = [
  { minutes: 15, text: '15 minutes' },
  { minutes: 60, text: '1 hour' },
  { minutes: 8 * 60, text: '8 hours' },
  { minutes: 24 * 60, text: '1 day' },
  { minutes: 7 * 24 * 60, text: '7 days' },
] as const

const command = 'holdfast cluster join --data DIR --node NAME'

/** Makes a code with which one node may join; for nodes that discovery cannot see, or that are joined by somebody else. */
export function InviteDialog({ onClose }: { onClose: () => void }) {
  const toasts = useToasts()
  const [minutes, setMinutes] = useState<number>(60)
  const invite = useMutation(trpc.cluster.invite.mutationOptions({ onSuccess: refreshCluster }))
  const revoke = useMutation(
    trpc.cluster.revokeInvitation.mutationOptions({
      onSuccess: async () => {
        onClose()
        toasts.success('The invitation is revoked', 'Its code is worth nothing any more.')
        await refreshCluster()
      },
    }),
  )
  const made = invite.data
  const isPending = invite.isPending || revoke.isPending
  const close = isPending ? () => undefined : onClose
  const submit = (event: FormEvent) => {
    event.preventDefault()
    invite.mutate({ minutes })
  }
  return (
    <Dialog variant="medium" isOpen onClose={close} aria-labelledby="invite-title">
      <ModalHeader title="Invite a node by code" labelId="invite-title" />
      <ModalBody>
        {made === undefined ? (
          <Form id="invite" onSubmit={submit}>
            <Content component="p">
              One new node can join with the code, once. Whoever holds it can bring a machine into the
              cluster: hand it over like a password.
            </Content>
            <FormGroup label="Good for" fieldId="invite-minutes">
              <FormSelect
                id="invite-minutes"
                value={minutes}
                onChange={(_event, value) => setMinutes(Number(value))}
              >
                {lives.map((life) => (
                  <FormSelectOption key={life.minutes} value={life.minutes} label={life.text} />
                ))}
              </FormSelect>
            </FormGroup>
            <FailureAlert error={invite.error} />
          </Form>
        ) : (
          <div className={css.options}>
            <Alert variant="warning" isInline component="h2" title="The code is shown only now">
              <Expiry at={made.expiresAt} /> {doneBy(made.by)}
            </Alert>
            <div className={css.code}>
              <CopyableText text={made.code} label="join code" isWrapped />
            </div>
            <Content component="p">
              Open the new node in a browser, choose “Join a cluster” and paste the code. Or run on it, with
              no data folder yet; it asks for the code:
            </Content>
            <CopyableText text={command} label="command" isWrapped />
            <FailureAlert error={revoke.error} />
          </div>
        )}
      </ModalBody>
      <ModalFooter>
        {made === undefined ? (
          <>
            <Button type="submit" form="invite" isLoading={isPending} isDisabled={isPending}>
              Make the code
            </Button>
            <Button variant="link" onClick={close} isDisabled={isPending}>
              Cancel
            </Button>
          </>
        ) : (
          <>
            <Button onClick={close} isDisabled={isPending}>
              I have copied the code
            </Button>
            <Button
              variant="link"
              isDanger
              isLoading={revoke.isPending}
              isDisabled={isPending}
              onClick={() => revoke.mutate({ id: made.id })}
            >
              Revoke
            </Button>
          </>
        )}
      </ModalFooter>
    </Dialog>
  )
}

/** Counts down to the end of a code. */
export function Expiry({ at }: { at: number }) {
  const left = at - useNow()
  return (
    <span>{left > 0 ? `Good for another ${formatDuration(left)}.` : 'It has expired; make a new one.'}</span>
  )
}
