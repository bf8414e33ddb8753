'use client'

import { Alert, Button, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core'
import { CopyableText } from '../../components/copyable-text.tsx'
import { Dialog } from '../../components/dialog.tsx'
import { Facts } from '../../components/facts.tsx'

interface PasswordShownProps {
  name: string
  password: string
  onClose: () => void
}

/** The one time that a password made here is seen. */
export function PasswordShown({ name, password, onClose }: PasswordShownProps) {
  return (
    <Dialog variant="small" isOpen onClose={onClose} aria-labelledby="password-title">
      <ModalHeader title={`Password of ${name}`} labelId="password-title" />
      <ModalBody>
        <Alert variant="warning" isInline title="It is shown only now">
          The node keeps no copy that anybody could read. Give it to the person directly; at the first sign-in
          a new one has to be chosen.
        </Alert>
        <br />
        <Facts
          label="Access"
          facts={[
            { term: 'Signs in as', value: <CopyableText text={name} label="login name" /> },
            { term: 'Password', value: <CopyableText text={password} label="password" isWrapped /> },
          ]}
        />
      </ModalBody>
      <ModalFooter>
        <Button onClick={onClose}>I have passed it on</Button>
      </ModalFooter>
    </Dialog>
  )
}
