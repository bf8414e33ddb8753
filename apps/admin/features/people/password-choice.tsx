'use client'

import { limits } from '@holdfast/api/contract/limits'
import { FormGroup, Radio } from '@patternfly/react-core'
import { PasswordField } from '../../components/password-field.tsx'
import { passwordStrength } from '../../lib/password-strength.ts'

/** Null: made by this page when the form is sent. */
export type PasswordChoice = { kind: 'made' } | { kind: 'typed'; password: string }

interface PasswordChoiceFieldProps {
  choice: PasswordChoice
  onChange: (choice: PasswordChoice) => void
  /** Names that the password should not be made of. */
  context: string[]
}

/** A first password: made here, or typed. */
export function PasswordChoiceField({ choice, onChange, context }: PasswordChoiceFieldProps) {
  return (
    <FormGroup role="radiogroup" label="Password" fieldId="password-choice">
      <Radio
        id="password-made"
        name="password-choice"
        label="Make a good one"
        description="It is shown once, after saving."
        isChecked={choice.kind === 'made'}
        onChange={() => onChange({ kind: 'made' })}
      />
      <Radio
        id="password-typed"
        name="password-choice"
        label="Type one"
        isChecked={choice.kind === 'typed'}
        onChange={() => onChange({ kind: 'typed', password: '' })}
        body={
          choice.kind === 'typed' && (
            <PasswordField
              label="Password to give"
              autoComplete="new-password"
              value={choice.password}
              strength={passwordStrength(choice.password, { minLength: limits.passwordMinLength, context })}
              onChange={(password) => onChange({ kind: 'typed', password })}
            />
          )
        }
      />
    </FormGroup>
  )
}
