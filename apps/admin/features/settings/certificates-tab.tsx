'use client'

import {
  Button,
  Card,
  CardBody,
  CardTitle,
  Content,
  ExpandableSection,
  Skeleton,
  Stack,
  StackItem,
} from '@patternfly/react-core'
import { DownloadIcon } from '@patternfly/react-icons/dist/esm/icons/download-icon'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { CopyableText } from '../../components/copyable-text.tsx'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { trpc } from '../../lib/api.ts'
import { paths } from '../../lib/paths.ts'
import { trustGuides } from './trust-guides.ts'

/** The internal CA: what to check, what to download, and how each system learns to trust it. */
export function CertificatesTab() {
  const state = useQuery(trpc.setup.state.queryOptions())
  return (
    <Stack hasGutter>
      <StackItem>
        <Card className="hf-form-card">
          <CardTitle component="h2">Certificate authority of this facility</CardTitle>
          <CardBody>
            <Content component="p">
              The node signs its own certificates, because there is no internet to ask anybody else. A
              computer that trusts this authority opens the node without a warning, and notices if somebody
              puts himself in between.
            </Content>
            <Content component="p">
              Compare the fingerprint with the one on the node’s console or in the recovery kit before you
              trust it (SHA-256):
            </Content>
            {state.data === undefined ? (
              state.error ? (
                <FailureAlert error={state.error} onRetry={() => void state.refetch()} />
              ) : (
                <Skeleton screenreaderText="Loading the fingerprint" />
              )
            ) : (
              <p className="hf-gap-below">
                <CopyableText text={state.data.caFingerprint} label="CA fingerprint" isWrapped />
              </p>
            )}
            <Button
              component="a"
              href={paths.caCertificate()}
              download="holdfast-ca.pem"
              variant="secondary"
              icon={<DownloadIcon />}
            >
              Download the CA certificate
            </Button>
          </CardBody>
        </Card>
      </StackItem>
      <StackItem>
        <Card className="hf-form-card">
          <CardTitle component="h2">Trusting it</CardTitle>
          <CardBody>
            {trustGuides.map((guide) => (
              <Guide key={guide.title} {...guide} />
            ))}
          </CardBody>
        </Card>
      </StackItem>
    </Stack>
  )
}

function Guide({ title, steps }: (typeof trustGuides)[number]) {
  const [isOpen, setIsOpen] = useState(false)
  return (
    <ExpandableSection
      toggleText={title}
      isExpanded={isOpen}
      onToggle={(_event, open) => setIsOpen(open)}
      isIndented
    >
      <Content component="ol">
        {steps.map((step) => (
          <li key={step.text}>
            {step.text}
            {step.command !== undefined && (
              <div>
                <CopyableText text={step.command} label="command" isWrapped />
              </div>
            )}
          </li>
        ))}
      </Content>
    </ExpandableSection>
  )
}
