'use client'

import { limits } from '@holdfast/api/contract/limits'
import {
  FormGroup,
  FormHelperText,
  HelperText,
  HelperTextItem,
  Radio,
  Split,
  SplitItem,
  TextInput,
} from '@patternfly/react-core'
import css from './channels.module.css'
import { isRetentionValid, type Retention } from './retention.ts'

interface RetentionFieldProps {
  retention: Retention
  onChange: (retention: Retention) => void
  /** For a new channel. */
  hasDefault: boolean
}

/** How long messages are kept. */
export function RetentionField({ retention, onChange, hasDefault }: RetentionFieldProps) {
  return (
    <FormGroup role="radiogroup" label="Keep messages" fieldId="retention">
      {hasDefault && (
        <Radio
          id="retention-default"
          name="retention"
          label="As the facility’s settings say"
          isChecked={retention.kind === 'default'}
          onChange={() => onChange({ kind: 'default' })}
        />
      )}
      <Radio
        id="retention-forever"
        name="retention"
        label="For ever"
        isChecked={retention.kind === 'forever'}
        onChange={() => onChange({ kind: 'forever' })}
      />
      <Radio
        id="retention-days"
        name="retention"
        label="For a number of days"
        isChecked={retention.kind === 'days'}
        onChange={() => onChange({ kind: 'days', days: '90' })}
        body={
          retention.kind === 'days' && (
            <>
              <Split hasGutter>
                <SplitItem className={css.days}>
                  <TextInput
                    type="number"
                    min={1}
                    max={limits.retentionDaysMax}
                    aria-label="Days to keep messages"
                    value={retention.days}
                    validated={isRetentionValid(retention) ? 'default' : 'error'}
                    onChange={(_event, days) => onChange({ kind: 'days', days })}
                  />
                </SplitItem>
                <SplitItem>days</SplitItem>
              </Split>
              <FormHelperText>
                <HelperText>
                  <HelperTextItem variant={isRetentionValid(retention) ? 'default' : 'error'}>
                    {isRetentionValid(retention)
                      ? 'Older messages are removed for good, on every node.'
                      : `Between 1 and ${limits.retentionDaysMax} days.`}
                  </HelperTextItem>
                </HelperText>
              </FormHelperText>
            </>
          )
        }
      />
    </FormGroup>
  )
}
