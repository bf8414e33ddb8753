'use client'

import {
  Button,
  Label,
  LabelGroup,
  MenuToggle,
  Select,
  SelectList,
  SelectOption,
  TextInputGroup,
  TextInputGroupMain,
  TextInputGroupUtilities,
} from '@patternfly/react-core'
import { TimesIcon } from '@patternfly/react-icons/dist/esm/icons/times-icon'
import { useQuery } from '@tanstack/react-query'
import { type KeyboardEvent, useId, useState } from 'react'
import { useSettled } from '../../components/use-settled.ts'
import { trpc } from '../../lib/api.ts'

/** Offered at once; whoever is looked for is found by typing. */
const offeredMax = 12

export interface Picked {
  id: string
  name: string
  displayName: string
}

interface PersonPickerProps {
  label: string
  placeholder?: string
  picked: Picked[]
  onChange: (picked: Picked[]) => void
  /** One person at most. */
  isSingle?: boolean
  /** Ids that are not offered, because they are in already. */
  without?: ReadonlySet<string>
}

/** Finds people by typing a part of their name. Arrows choose, Enter takes, Backspace gives the last one back. */
export function PersonPicker({
  label,
  placeholder,
  picked,
  onChange,
  isSingle = false,
  without,
}: PersonPickerProps) {
  const id = useId()
  const [isOpen, setIsOpen] = useState(false)
  const [text, setText] = useState('')
  const [active, setActive] = useState(0)
  const settled = useSettled(text)
  const query = useQuery(
    trpc.people.list.queryOptions(
      { text: settled, status: 'active', limit: offeredMax * 4 },
      { enabled: isOpen },
    ),
  )
  const taken = new Set(picked.map((person) => person.id))
  const offered = (query.data?.rows ?? [])
    .filter((person) => !taken.has(person.id) && without?.has(person.id) !== true)
    .slice(0, offeredMax)

  const take = (personId: string) => {
    const person = offered.find((each) => each.id === personId)
    if (person === undefined) return
    const one = { id: person.id, name: person.name, displayName: person.displayName }
    onChange(isSingle ? [one] : [...picked, one])
    setText('')
    setActive(0)
    if (isSingle) setIsOpen(false)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault()
      setIsOpen(true)
      const step = event.key === 'ArrowDown' ? 1 : -1
      setActive((current) => (offered.length === 0 ? 0 : (current + step + offered.length) % offered.length))
    } else if (event.key === 'Enter') {
      // Enter never sends the form around the picker.
      event.preventDefault()
      const person = offered[active]
      if (isOpen && person !== undefined) take(person.id)
    } else if (event.key === 'Escape' && isOpen) {
      event.preventDefault()
      event.stopPropagation()
      setIsOpen(false)
    } else if (event.key === 'Backspace' && text === '' && picked.length > 0) {
      onChange(picked.slice(0, -1))
    }
  }
  const activeId = isOpen && offered[active] !== undefined ? `${id}-${offered[active].id}` : undefined

  return (
    <Select
      isOpen={isOpen}
      onOpenChange={setIsOpen}
      onSelect={(_event, value) => take(String(value))}
      variant="typeahead"
      maxMenuHeight="18rem"
      isScrollable
      toggle={(ref) => (
        <MenuToggle
          ref={ref}
          variant="typeahead"
          isFullWidth
          isExpanded={isOpen}
          aria-label={`${label}: show people`}
          onClick={() => setIsOpen((open) => !open)}
        >
          <TextInputGroup isPlain>
            <TextInputGroupMain
              value={text}
              onChange={(_event, value) => {
                setText(value)
                setActive(0)
                setIsOpen(true)
              }}
              onClick={() => setIsOpen(true)}
              onKeyDown={onKeyDown}
              autoComplete="off"
              placeholder={picked.length === 0 ? (placeholder ?? 'Type a name') : ''}
              role="combobox"
              isExpanded={isOpen}
              aria-controls={`${id}-list`}
              aria-label={label}
              {...(activeId === undefined ? {} : { 'aria-activedescendant': activeId })}
            >
              {picked.length > 0 && (
                <LabelGroup aria-label={`${label}: chosen`} numLabels={8}>
                  {picked.map((person) => (
                    <Label
                      key={person.id}
                      variant="outline"
                      textMaxWidth="12rem"
                      closeBtnAriaLabel={`Remove ${person.displayName}`}
                      onClose={(event) => {
                        event.stopPropagation()
                        onChange(picked.filter((each) => each.id !== person.id))
                      }}
                    >
                      {person.displayName}
                    </Label>
                  ))}
                </LabelGroup>
              )}
            </TextInputGroupMain>
            {(text !== '' || picked.length > 0) && (
              <TextInputGroupUtilities>
                <Button
                  variant="plain"
                  icon={<TimesIcon />}
                  aria-label={`${label}: clear`}
                  onClick={() => {
                    setText('')
                    onChange([])
                  }}
                />
              </TextInputGroupUtilities>
            )}
          </TextInputGroup>
        </MenuToggle>
      )}
    >
      <SelectList id={`${id}-list`} aria-label={label}>
        {offered.map((person, index) => (
          <SelectOption
            key={person.id}
            id={`${id}-${person.id}`}
            value={person.id}
            description={person.name}
            isFocused={index === active}
          >
            {person.displayName}
          </SelectOption>
        ))}
        {offered.length === 0 && (
          <SelectOption isDisabled value="">
            {query.data === undefined
              ? 'Loading…'
              : settled === ''
                ? 'Nobody is left to choose'
                : `Nobody is called “${settled}”`}
          </SelectOption>
        )}
      </SelectList>
    </Select>
  )
}
