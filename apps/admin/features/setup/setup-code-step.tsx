'use client'

import { Content } from '@patternfly/react-core'
import { FormField } from '../../components/form-field.tsx'
import type { Draft } from './draft.ts'

interface StepProps {
  draft: Draft
  errors: Partial<Record<keyof Draft, string | null>>
  onChange: (change: Partial<Draft>) => void
}

/** Step 1: proves that whoever sets the node up can read its console. */
export function SetupCodeStep({ draft, errors, onChange }: StepProps) {
  return (
    <>
      <Content component="p">
        The node printed a one-time code on its console when it started. It proves that you stand in front of
        it; after the set-up it is of no use to anybody.
      </Content>
      <FormField
        label="Setup code"
        value={draft.code}
        onChange={(code) => onChange({ code: code.toUpperCase() })}
        error={errors.code ?? null}
        help="Eight letters and digits, such as ABCD-1234. On a server it also stands in the log."
        placeholder="ABCD-1234"
        maxLength={12}
        isRequired
        autoFocus
        isCode
      />
    </>
  )
}

/** Step 2: what everybody will see. */
export function SetupFacilityStep({ draft, errors, onChange }: StepProps) {
  return (
    <>
      <FormField
        label="Facility"
        value={draft.facility}
        onChange={(facility) => onChange({ facility })}
        error={errors.facility ?? null}
        help="The place or organisation that this system serves. Everybody sees it; it can be changed later."
        placeholder="North Harbour Hospital"
        maxLength={120}
        isRequired
        autoFocus
      />
      <FormField
        label="Name of this node"
        value={draft.nodeName}
        onChange={(nodeName) => onChange({ nodeName: nodeName.toLowerCase() })}
        error={errors.nodeName ?? null}
        help="Tells this machine from others in the facility. Lower-case letters, digits, dots, hyphens and underscores."
        placeholder="server-room-1"
        maxLength={64}
        isRequired
        isCode
      />
    </>
  )
}
