'use client'

import { FormGroup, FormHelperText, HelperText, HelperTextItem, TextInput } from '@patternfly/react-core'
import { type ComponentProps, useId } from 'react'

interface FormFieldProps {
  label: string
  value: string
  onChange: (value: string) => void
  /** What it is for, or how to write it. */
  help?: string
  /** What is wrong with the value and how to mend it; null when nothing is. */
  error?: string | null
  isRequired?: boolean
  isDisabled?: boolean
  type?: 'text' | 'number'
  autoComplete?: string
  autoFocus?: boolean
  placeholder?: string
  maxLength?: number
  isCode?: boolean
  inputProps?: ComponentProps<typeof TextInput>
}

/** A text field with its label, help and error tied together for screen readers. */
export function FormField(props: FormFieldProps) {
  const id = useId()
  const message = props.error ?? props.help
  return (
    <FormGroup label={props.label} fieldId={id} isRequired={props.isRequired ?? false}>
      <TextInput
        id={id}
        type={props.type ?? 'text'}
        value={props.value}
        onChange={(_event, value) => props.onChange(value)}
        validated={props.error ? 'error' : 'default'}
        isRequired={props.isRequired ?? false}
        isDisabled={props.isDisabled ?? false}
        aria-describedby={message === undefined ? undefined : `${id}-help`}
        autoComplete={props.autoComplete ?? 'off'}
        autoFocus={props.autoFocus}
        placeholder={props.placeholder}
        maxLength={props.maxLength}
        {...(props.isCode
          ? { className: 'hf-code-input', spellCheck: false, autoCapitalize: 'characters' }
          : {})}
        {...props.inputProps}
      />
      <FieldMessage id={`${id}-help`} error={props.error} help={props.help} />
    </FormGroup>
  )
}

interface FieldMessageProps {
  id: string
  error?: string | null | undefined
  help?: string | undefined
}

/** The line below a field: its error, or else its help. */
export function FieldMessage({ id, error, help }: FieldMessageProps) {
  if (!error && help === undefined) return null
  return (
    <FormHelperText>
      <HelperText id={id} isLiveRegion={Boolean(error)}>
        <HelperTextItem variant={error ? 'error' : 'default'}>{error || help}</HelperTextItem>
      </HelperText>
    </FormHelperText>
  )
}
