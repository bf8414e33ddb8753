'use client'

import { limits } from '@holdfast/api/contract/limits'
import { Content } from '@patternfly/react-core'
import { FormField } from '../../components/form-field.tsx'
import { PasswordField } from '../../components/password-field.tsx'
import { passwordStrength } from '../../lib/password-strength.ts'
import type { Draft } from './draft.ts'

interface SetupOwnerStepProps {
  draft: Draft
  password: string
  repeated: string
  errors: Partial<Record<keyof Draft | 'password' | 'repeated', string | null>>
  onChange: (change: Partial<Draft>) => void
  onPassword: (password: string) => void
  onRepeated: (password: string) => void
}

/** Step 3: the first person, who may do everything and adds the others. */
export function SetupOwnerStep(props: SetupOwnerStepProps) {
  const { draft, errors, onChange } = props
  return (
    <>
      <Content component="p">
        The owner may do everything and adds the other people. Use an account of your own, not a shared one:
        the audit log names who did what.
      </Content>
      <FormField
        label="Name to sign in with"
        value={draft.owner}
        onChange={(owner) => onChange({ owner: owner.toLowerCase() })}
        error={errors.owner ?? null}
        help="Lower-case letters, digits, dots, hyphens and underscores."
        autoComplete="username"
        maxLength={limits.nameLength}
        isRequired
        autoFocus
      />
      <FormField
        label="Full name"
        value={draft.displayName}
        onChange={(displayName) => onChange({ displayName })}
        error={errors.displayName ?? null}
        help="Shown to others; may stay empty."
        autoComplete="name"
        maxLength={limits.displayNameLength}
      />
      <PasswordField
        label="Password"
        value={props.password}
        onChange={props.onPassword}
        error={errors.password ?? null}
        help={`At least ${limits.passwordMinLength} characters. Four random words are good and easy to remember.`}
        autoComplete="new-password"
        strength={passwordStrength(props.password, {
          minLength: limits.passwordMinLength,
          context: [draft.owner, draft.displayName, draft.facility, draft.nodeName],
        })}
      />
      <PasswordField
        label="Password again"
        value={props.repeated}
        onChange={props.onRepeated}
        error={errors.repeated ?? null}
        autoComplete="new-password"
      />
    </>
  )
}
