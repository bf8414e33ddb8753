'use client'

import { PasswordField } from '../../components/password-field.tsx'
import { passwordStrength } from '../../lib/password-strength.ts'

interface NewPasswordErrors {
  password?: string | null
  repeated?: string | null
}

interface NewPasswordFieldsProps {
  password: string
  repeated: string
  onPassword: (password: string) => void
  onRepeated: (password: string) => void
  minLength: number
  /** Names that the password should not be made of. */
  context: string[]
  errors: NewPasswordErrors
  /** Why the node refused the password; null when it did not. */
  refusal: string | null
}

/** What can be said about a new password before the node sees it. */
export function newPasswordErrors(value: {
  password: string
  repeated: string
  minLength: number
}): NewPasswordErrors {
  return {
    password:
      [...value.password].length < value.minLength ? `Use at least ${value.minLength} characters.` : null,
    repeated: value.password === value.repeated ? null : 'The two passwords differ.',
  }
}

/** A new password with its meter, and once more against slips. */
export function NewPasswordFields(props: NewPasswordFieldsProps) {
  return (
    <>
      <PasswordField
        label="New password"
        value={props.password}
        onChange={props.onPassword}
        error={props.errors.password ?? props.refusal}
        help={`At least ${props.minLength} characters. Four random words are good and easy to remember.`}
        autoComplete="new-password"
        strength={passwordStrength(props.password, { minLength: props.minLength, context: props.context })}
      />
      <PasswordField
        label="New password again"
        value={props.repeated}
        onChange={props.onRepeated}
        error={props.errors.repeated ?? null}
        autoComplete="new-password"
      />
    </>
  )
}
