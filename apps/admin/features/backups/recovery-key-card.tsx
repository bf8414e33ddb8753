'use client'

import type { BackupSettings } from '@holdfast/api/backup-services'
import { recoveryKeyText } from '@holdfast/api/contract/recovery-key-text'
import { Alert, Button, Checkbox, Content, Flex, Title } from '@patternfly/react-core'
import { DownloadIcon } from '@patternfly/react-icons/dist/esm/icons/download-icon'
import { PrintIcon } from '@patternfly/react-icons/dist/esm/icons/print-icon'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { ConfirmDialog } from '../../components/confirm-dialog.tsx'
import { CopyableText } from '../../components/copyable-text.tsx'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { queryClient, trpc } from '../../lib/api.ts'
import { nodeNow } from '../../lib/clock.ts'
import { downloadText } from '../../lib/download.ts'

interface NewKey {
  secret: string
  recipient: string
  madeAt: number
}

/** Made in this browser: the node is told the public half, and only after the secret is kept. */
async function makeKey(): Promise<NewKey> {
  const { generateX25519Identity, identityToRecipient } = await import('age-encryption')
  const secret = await generateX25519Identity()
  return { secret, recipient: await identityToRecipient(secret), madeAt: nodeNow() }
}

/** Shows the public half, and makes a new key. */
export function RecoveryKeyCard({ settings, mayChange }: { settings: BackupSettings; mayChange: boolean }) {
  const [isAsked, setIsAsked] = useState(false)
  const make = useMutation({ mutationFn: makeKey, onSuccess: () => setIsAsked(false), gcTime: 0 })
  const { recipient } = settings
  if (make.data !== undefined) return <NewKeySheet made={make.data} settings={settings} onDone={make.reset} />
  return (
    <>
      <Content component="p">
        Every backup is encrypted for this key. Its secret half is on paper or on a stick, and on no node:
        without it no backup can be opened.
      </Content>
      {recipient !== null && <CopyableText text={recipient} label="public key" isWrapped />}
      <FailureAlert error={make.error} />
      {mayChange ? (
        <Flex className="hf-gap-above">
          <Button
            variant={recipient === null ? 'primary' : 'secondary'}
            onClick={() => (recipient === null ? make.mutate() : setIsAsked(true))}
            isLoading={make.isPending}
            isDisabled={make.isPending}
          >
            {recipient === null ? 'Make the recovery key' : 'Make a new key'}
          </Button>
        </Flex>
      ) : (
        recipient === null && <Alert variant="info" isInline title="An owner makes the recovery key." />
      )}
      <ConfirmDialog
        isOpen={isAsked}
        title="Make a new recovery key?"
        confirm="Make a new key"
        isPending={make.isPending}
        onConfirm={() => make.mutate()}
        onClose={() => setIsAsked(false)}
      >
        Backups made so far keep needing the old one: keep both.
      </ConfirmDialog>
    </>
  )
}

/** The secret, shown once; it becomes the facility's key when the person says that it is kept. */
function NewKeySheet({
  made,
  settings,
  onDone,
}: {
  made: NewKey
  settings: BackupSettings
  onDone: () => void
}) {
  const [isKept, setIsKept] = useState(false)
  const state = useQuery(trpc.setup.state.queryOptions())
  const facility = state.data?.facility ?? ''
  const set = useMutation(
    trpc.backups.setKey.mutationOptions({
      onSuccess: async () => {
        await queryClient.invalidateQueries(trpc.backups.status.pathFilter())
        onDone()
      },
    }),
  )
  return (
    <div className="hf-kit">
      <Alert variant="warning" isInline title="This key is shown only now">
        Print it or save it on a stick, twice, and keep it where no node is. Nobody can show it again.
      </Alert>
      <section className="hf-kit-sheet" aria-label="Recovery key">
        <div className="hf-print-only">
          <Title headingLevel="h2">Holdfast recovery key</Title>
          <p>{facility}</p>
        </div>
        <Title headingLevel="h2" size="md">
          Secret key
        </Title>
        <CopyableText text={made.secret} label="secret key" isWrapped />
        <Title headingLevel="h2" size="md">
          Public key
        </Title>
        <CopyableText text={made.recipient} label="public key" isWrapped />
      </section>
      <Flex gap={{ default: 'gapSm' }}>
        <Button variant="secondary" icon={<PrintIcon />} onClick={() => window.print()}>
          Print
        </Button>
        <Button
          variant="secondary"
          icon={<DownloadIcon />}
          onClick={() => downloadText('holdfast-recovery.key', recoveryKeyText(made, facility, made.madeAt))}
        >
          Download the key file
        </Button>
      </Flex>
      <Checkbox
        id="recovery-key-kept"
        label="I have printed or saved it"
        isChecked={isKept}
        onChange={(_event, checked) => setIsKept(checked)}
      />
      <FailureAlert error={set.error} />
      <Flex gap={{ default: 'gapSm' }}>
        <Button
          onClick={() => set.mutate({ version: settings.version, recipient: made.recipient })}
          isDisabled={!isKept || set.isPending}
          isLoading={set.isPending}
        >
          Use this key
        </Button>
        <Button variant="link" onClick={onDone} isDisabled={set.isPending}>
          Throw it away
        </Button>
      </Flex>
    </div>
  )
}
