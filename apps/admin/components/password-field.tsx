'use client'

import { Button, FormGroup, InputGroup, InputGroupItem, TextInput } from '@patternfly/react-core'
import { EyeIcon } from '@patternfly/react-icons/dist/esm/icons/eye-icon'
import { EyeSlashIcon } from '@patternfly/react-icons/dist/esm/icons/eye-slash-icon'
import { type Ref, useId, useState } from 'react'
import type { Strength } from '../lib/password-strength.ts'
import { FieldMessage } from './form-field.tsx'

interface PasswordFieldProps {
  label: string
  value: string
  onChange: (value: string) => void
  autoComplete: 'current-password' | 'new-password'
  error?: string | null
  help?: string
  autoFocus?: boolean
  /** Shows the meter. */
  strength?: Strength
  inputRef?: Ref<HTMLInputElement>
}

/** A password field that can show what was typed and, for a new password, how good it is. */
export function PasswordField(props: PasswordFieldProps) {
  const id = useId()
  const [isShown, setIsShown] = useState(false)
  const describedBy = [
    props.error || props.help ? `${id}-help` : null,
    props.strength ? `${id}-strength` : null,
  ].filter((each) => each !== null)
  return (
    <FormGroup label={props.label} fieldId={id} isRequired>
      <InputGroup>
        <InputGroupItem isFill>
          <TextInput
            id={id}
            ref={props.inputRef}
            type={isShown ? 'text' : 'password'}
            value={props.value}
            onChange={(_event, value) => props.onChange(value)}
            validated={props.error ? 'error' : 'default'}
            isRequired
            autoComplete={props.autoComplete}
            autoFocus={props.autoFocus}
            spellCheck={false}
            aria-describedby={describedBy.length > 0 ? describedBy.join(' ') : undefined}
          />
        </InputGroupItem>
        <InputGroupItem>
          <Button
            variant="control"
            aria-label={`${isShown ? 'Hide' : 'Show'} ${props.label.toLowerCase()}`}
            icon={isShown ? <EyeSlashIcon /> : <EyeIcon />}
            onClick={() => setIsShown((shown) => !shown)}
          />
        </InputGroupItem>
      </InputGroup>
      {props.strength && <StrengthMeter id={`${id}-strength`} strength={props.strength} />}
      <FieldMessage id={`${id}-help`} error={props.error} help={props.help} />
    </FormGroup>
  )
}

function StrengthMeter({ id, strength }: { id: string; strength: Strength }) {
  if (strength.score === 0) return null
  return (
    <div className="hf-strength" data-score={strength.score}>
      <div className="hf-strength-bars" aria-hidden="true">
        <span />
        <span />
        <span />
        <span />
      </div>
      <span id={id} aria-live="polite">
        Password is <strong>{strength.word}</strong>. {strength.advice}
      </span>
    </div>
  )
}
