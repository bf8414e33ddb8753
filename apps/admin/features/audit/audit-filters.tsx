'use client'

import {
  FormSelect,
  FormSelectOption,
  InputGroup,
  InputGroupItem,
  InputGroupText,
  SearchInput,
  TextInput,
  Toolbar,
  ToolbarContent,
  ToolbarItem,
} from '@patternfly/react-core'
import { PersonPicker, type Picked } from '../people/person-picker.tsx'
import { useAllowed } from '../session/use-session.ts'
import { actionAreas } from './action-text.ts'
import css from './audit.module.css'
import { anyTime, type ChosenRange, type RangeName, ranges, rangeWords } from './time-range.ts'

export interface AuditFilters {
  text: string
  /** Prefix of the action; empty for all. */
  area: string
  actor: Picked[]
  /** Login name, for roles that may not look people up. */
  actorName: string
  target: string
  range: ChosenRange
}

export const noFilters: AuditFilters = {
  text: '',
  area: '',
  actor: [],
  actorName: '',
  target: '',
  range: anyTime,
}

interface AuditFilterBarProps {
  filters: AuditFilters
  onChange: (change: Partial<AuditFilters>) => void
}

export function AuditFilterBar({ filters, onChange }: AuditFilterBarProps) {
  const may = useAllowed()
  const { range } = filters
  const setRange = (change: Partial<ChosenRange>) => onChange({ range: { ...range, ...change } })
  return (
    <Toolbar inset={{ default: 'insetNone' }}>
      <ToolbarContent>
        <ToolbarItem className={css.words}>
          <SearchInput
            aria-label="Search the audit log"
            placeholder="Words in the event"
            value={filters.text}
            onChange={(_event, text) => onChange({ text })}
            onClear={() => onChange({ text: '' })}
          />
        </ToolbarItem>
        <ToolbarItem>
          <FormSelect
            aria-label="Action"
            value={filters.area}
            onChange={(_event, area) => onChange({ area })}
          >
            <FormSelectOption value="" label="Every action" />
            {actionAreas.map((area) => (
              <FormSelectOption key={area.prefix} value={area.prefix} label={area.title} />
            ))}
          </FormSelect>
        </ToolbarItem>
        <ToolbarItem className={css.who}>
          {may('people.list') ? (
            <PersonPicker
              label="Who did it"
              placeholder="By anybody"
              isSingle
              picked={filters.actor}
              onChange={(actor) => onChange({ actor })}
            />
          ) : (
            <TextInput
              aria-label="Who did it"
              placeholder="Login name of who did it"
              value={filters.actorName}
              onChange={(_event, actorName) => onChange({ actorName })}
            />
          )}
        </ToolbarItem>
        <ToolbarItem className={css.target}>
          <TextInput
            aria-label="Target"
            placeholder="Id of the target"
            value={filters.target}
            onChange={(_event, target) => onChange({ target })}
          />
        </ToolbarItem>
        <ToolbarItem>
          <FormSelect
            aria-label="Time"
            value={range.name}
            onChange={(_event, name) => setRange({ name: name as RangeName })}
          >
            {ranges.map((name) => (
              <FormSelectOption key={name} value={name} label={rangeWords[name]} />
            ))}
          </FormSelect>
        </ToolbarItem>
        {range.name === 'custom' && (
          <ToolbarItem>
            <InputGroup>
              <InputGroupItem isFill>
                <TextInput
                  type="datetime-local"
                  aria-label="From"
                  value={range.from}
                  onChange={(_event, from) => setRange({ from })}
                />
              </InputGroupItem>
              <InputGroupText isPlain>to</InputGroupText>
              <InputGroupItem isFill>
                <TextInput
                  type="datetime-local"
                  aria-label="To"
                  value={range.to}
                  onChange={(_event, to) => setRange({ to })}
                />
              </InputGroupItem>
            </InputGroup>
          </ToolbarItem>
        )}
      </ToolbarContent>
    </Toolbar>
  )
}
