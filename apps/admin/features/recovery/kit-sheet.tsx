'use client'

import { Button, Flex, Title } from '@patternfly/react-core'
import { DownloadIcon } from '@patternfly/react-icons/dist/esm/icons/download-icon'
import { PrintIcon } from '@patternfly/react-icons/dist/esm/icons/print-icon'
import { CopyableText } from '../../components/copyable-text.tsx'
import { downloadText } from '../../lib/download.ts'
import { formatDateTime } from '../../lib/format.ts'
import { kitText, type RecoveryKit } from './kit-text.ts'

/** The recovery kit as a sheet to print or download; printing a page that shows it prints nothing else. */
export function KitSheet({ kit }: { kit: RecoveryKit }) {
  return (
    <>
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

      <Flex gap={{ default: 'gapSm' }}>
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
    </>
  )
}
