'use client'

import type { DeviceDetail } from '@holdfast/api/services'
import { ClipboardCopy, ClipboardCopyVariant, Label, LabelGroup } from '@patternfly/react-core'
import Link from 'next/link'
import { CopyableText } from '../../components/copyable-text.tsx'
import { Facts } from '../../components/facts.tsx'
import { RelativeTime } from '../../components/relative-time.tsx'
import { StatusLabel } from '../../components/status-label.tsx'
import { formatDateTime } from '../../lib/format.ts'
import { paths } from '../../lib/paths.ts'

/** A certificate that ends within this is pointed out. */
const expiresSoonMs = 30 * 24 * 3600_000

function Expiry({ at, now }: { at: number; now: number }) {
  return (
    <>
      {formatDateTime(at)} (<RelativeTime at={at} />){' '}
      {at <= now && <StatusLabel status="alert">Expired</StatusLabel>}
      {at > now && at - now < expiresSoonMs && <StatusLabel status="warning">Expires soon</StatusLabel>}
    </>
  )
}

function Decision({ at, by }: { at: number; by: string | null }) {
  return (
    <>
      <RelativeTime at={at} />
      {by !== null && by !== '' && <span dir="auto"> by {by}</span>}
    </>
  )
}

function Tags({ tags }: { tags: string[] }) {
  return (
    <LabelGroup aria-label="Tags" numLabels={16}>
      {tags.map((tag) => (
        <Label key={tag} isCompact textMaxWidth="14rem">
          {tag}
        </Label>
      ))}
    </LabelGroup>
  )
}

function Pem({ certificate }: { certificate: string }) {
  return (
    <ClipboardCopy
      isReadOnly
      isCode
      variant={ClipboardCopyVariant.expansion}
      hoverTip="Copy the certificate (PEM)"
      clickTip="Copied"
      textAriaLabel="Certificate as PEM"
      toggleAriaLabel="Show the certificate"
    >
      {certificate}
    </ClipboardCopy>
  )
}

export function DeviceFacts({ device, now }: { device: DeviceDetail; now: number }) {
  const { serial, certificate, expiresAt, decidedAt } = device
  return (
    <Facts
      label="Device"
      facts={[
        { term: 'Person', value: <Link href={paths.people(device.personId)}>{device.personName}</Link> },
        { term: 'Platform', value: device.platform },
        { term: 'Site', value: device.site },
        { term: 'Tags', value: device.tags.length > 0 && <Tags tags={device.tags} /> },
        { term: 'Last seen', value: <RelativeTime at={device.lastSeenAt} /> },
        { term: 'Enrolled', value: <RelativeTime at={device.enrolledAt} /> },
        {
          term: device.status === 'revoked' ? 'Revoked' : 'Approved',
          value: decidedAt !== null && <Decision at={decidedAt} by={device.decidedBy} />,
        },
        {
          term: 'Key thumbprint (RFC 7638)',
          value: <CopyableText text={device.thumbprint} label="key thumbprint" isWrapped />,
        },
        {
          term: 'Certificate serial',
          value: serial !== null && <CopyableText text={serial} label="certificate serial" isWrapped />,
        },
        {
          term: 'Certificate valid until',
          value: expiresAt !== null && <Expiry at={expiresAt} now={now} />,
        },
        { term: 'Certificate', value: certificate !== null && <Pem certificate={certificate} /> },
      ]}
    />
  )
}
