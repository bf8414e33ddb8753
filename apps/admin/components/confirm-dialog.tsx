'use client'

import {
  Button,
  Form,
  FormGroup,
  ModalBody,
  ModalFooter,
  ModalHeader,
  Stack,
  StackItem,
  TextInput,
} from '@patternfly/react-core'
import { type FormEvent, type ReactNode, useEffect, useId, useState } from 'react'
import { Dialog } from './dialog.tsx'
import { FailureAlert } from './failure-alert.tsx'

interface ConfirmDialogProps {
  isOpen: boolean
  title: string
  /** What will happen, to what, and whether it can be undone. */
  children?: ReactNode
  /** The verb of the action, as on the button that led here. */
  confirm: string
  isDanger?: boolean
  /** Text that has to be typed first; for what can never be undone. */
  typed?: string
  /** Whether what stands in `children` is filled in well enough to go on. */
  isReady?: boolean
  isPending?: boolean
  error?: unknown
  onConfirm: () => void
  onClose: () => void
}

/** Asks before something that is not easily undone. Stays open while it is done, and shows why it failed. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  const { isOpen, typed, isReady = true, isPending = false, onClose } = props
  const ids = useId()
  const [text, setText] = useState('')
  useEffect(() => {
    if (!isOpen) setText('')
  }, [isOpen])
  const mayConfirm = isReady && !isPending && (typed === undefined || text.trim() === typed)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (mayConfirm) props.onConfirm()
  }
  const close = isPending ? () => undefined : onClose

  return (
    <Dialog
      variant="small"
      isOpen={isOpen}
      onClose={close}
      aria-labelledby={`${ids}-title`}
      aria-describedby={`${ids}-body`}
    >
      <ModalHeader
        title={props.title}
        labelId={`${ids}-title`}
        {...(props.isDanger ? { titleIconVariant: 'warning' as const } : {})}
      />
      <ModalBody id={`${ids}-body`}>
        <Form id={`${ids}-form`} onSubmit={submit}>
          <Stack hasGutter>
            {props.children !== undefined && <StackItem>{props.children}</StackItem>}
            {typed !== undefined && (
              <StackItem>
                <FormGroup label={`Type “${typed}” to confirm`} fieldId={`${ids}-typed`}>
                  <TextInput
                    id={`${ids}-typed`}
                    value={text}
                    onChange={(_event, value) => setText(value)}
                    autoComplete="off"
                    spellCheck={false}
                  />
                </FormGroup>
              </StackItem>
            )}
            {props.error !== null && props.error !== undefined && (
              <StackItem>
                <FailureAlert error={props.error} />
              </StackItem>
            )}
          </Stack>
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button
          type="submit"
          form={`${ids}-form`}
          variant={props.isDanger ? 'danger' : 'primary'}
          isDisabled={!mayConfirm}
          isLoading={isPending}
        >
          {props.confirm}
        </Button>
        <Button variant="link" onClick={close} isDisabled={isPending}>
          Cancel
        </Button>
      </ModalFooter>
    </Dialog>
  )
}
