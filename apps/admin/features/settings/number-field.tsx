'use client'

import { FormGroup, InputGroup, InputGroupItem, InputGroupText, TextInput } from '@patternfly/react-core'
import { useId } from 'react'
import { FieldMessage } from '../../components/form-field.tsx'
import { formatNumber } from '../../lib/format.ts'

interface Bounds {
  min: number
  max: number
}

interface NumberFieldProps extends Bounds {
  label: string
  /** Stands behind the field: "days". */
  unit: string
  value: string
  onChange: (value: string) => void
  error: string | null
  help: string
  isDisabled: boolean
}

/** What is wrong with a whole number as typed; null when nothing is. */
export function numberError(text: string, { min, max }: Bounds): string | null {
  const value = Number(text)
  return /^\d+$/.test(text.trim()) && value >= min && value <= max
    ? null
    : `Enter a whole number from ${formatNumber(min)} to ${formatNumber(max)}.`
}

/** A whole number with its unit. */
export function NumberField(props: NumberFieldProps) {
  const id = useId()
  return (
    <FormGroup label={props.label} fieldId={id}>
      <InputGroup className="hf-number">
        <InputGroupItem>
          <TextInput
            id={id}
            type="number"
            inputMode="numeric"
            min={props.min}
            max={props.max}
            value={props.value}
            onChange={(_event, value) => props.onChange(value)}
            validated={props.error === null ? 'default' : 'error'}
            isDisabled={props.isDisabled}
            aria-describedby={`${id}-help`}
          />
        </InputGroupItem>
        <InputGroupText isPlain>{props.unit}</InputGroupText>
      </InputGroup>
      <FieldMessage id={`${id}-help`} error={props.error} help={props.help} />
    </FormGroup>
  )
}
