'use client'

import { Alert, Button, Checkbox, Flex, Title } from '@patternfly/react-core'
import { DownloadIcon } from '@patternfly/react-icons/dist/esm/icons/download-icon'
import { PrintIcon } from '@patternfly/react-icons/dist/esm/icons/print-icon'
import { type FormEvent, useState } from 'react'
import { CopyableText } from '../../components/copyable-text.tsx'
import { downloadText } from '../../lib/download.ts'
import { formatDateTime } from '../../lib/format.ts'
import type { RecoveryKit } from './draft.ts'
import { kitText } from './kit-text.ts'

interface SetupKitStepProps {
  kit: RecoveryKit
  onDone: () => void
}

/** Step 4: the only time that the recovery codes are shown. */
export function SetupKitStep({ kit, onDone }: SetupKitStepProps) {
  const [isSaved, setIsSaved] = useState(false)
  const [isAsked, setIsAsked] = useState(false)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (isSaved) onDone()
    else setIsAsked(true)
  }
  return (
    <form onSubmit={submit} className="hf-kit">
      <Alert
        variant="warning"
        isInline
        title="These codes are shown only now"
        className="hf-no-print"
        component="h2"
      >
        If you forget your password, one of them lets you in. Nobody can show them again or mend it for you
        without them.
      </Alert>

      <section className="hf-kit-sheet" aria-label="Recovery kit">
        <div className="hf-print-only">
          <Title headingLevel="h2">Holdfast recovery kit</Title>
          <p>
            {kit.facility} · {kit.nodeName} · owner {kit.owner} · {formatDateTime(kit.madeAt)}
          </p>
        </div>
        <Title headingLevel="h2" size="md">
          Recovery codes, each for one use
        </Title>
        <ol className="hf-codes" aria-label="Recovery codes">
          {kit.recoveryCodes.map((code) => (
            <li key={code} className="hf-code">
              {code}
            </li>
          ))}
        </ol>
        <Title headingLevel="h2" size="md">
          Fingerprint of this node’s certificate authority
        </Title>
        <p className="hf-subtle">Compare it before you trust the node on a new computer (SHA-256).</p>
        <CopyableText text={kit.caFingerprint} label="CA fingerprint" isWrapped />
      </section>

      <Flex gap={{ default: 'gapSm' }} className="hf-no-print">
        <Button variant="secondary" icon={<PrintIcon />} onClick={() => window.print()}>
          Print
        </Button>
        <Button
          variant="secondary"
          icon={<DownloadIcon />}
          onClick={() => downloadText(`holdfast-recovery-kit-${kit.nodeName}.txt`, kitText(kit))}
        >
          Download as text
        </Button>
      </Flex>

      <div className="hf-no-print">
        <Checkbox
          id="kit-saved"
          label="I have printed or saved the codes and the fingerprint"
          isChecked={isSaved}
          onChange={(_event, checked) => setIsSaved(checked)}
        />
        {isAsked && !isSaved && (
          <p role="alert" className="hf-error-text">
            Save the kit first, then say so here: the codes are gone after this page.
          </p>
        )}
      </div>
      <div className="hf-no-print">
        <Button type="submit">Open the overview</Button>
      </div>
    </form>
  )
}
