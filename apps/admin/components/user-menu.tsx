'use client'

import {
  Divider,
  Dropdown,
  DropdownGroup,
  DropdownItem,
  DropdownList,
  MenuToggle,
} from '@patternfly/react-core'
import { UserIcon } from '@patternfly/react-icons/dist/esm/icons/user-icon'
import { useState } from 'react'
import { setTheme, themes } from '../lib/theme.ts'

interface UserMenuProps {
  name: string
  /** Login name and role in words. */
  detail: string
  onAccount: () => void
  onSignOut: () => void
}

const themeWords = { system: 'Theme of the system', light: 'Light theme', dark: 'Dark theme' } as const

/** Who is signed in, with the way out. Holds the theme too, for screens too narrow for its buttons. */
export function UserMenu({ name, detail, onAccount, onSignOut }: UserMenuProps) {
  const [isOpen, setIsOpen] = useState(false)
  return (
    <Dropdown
      isOpen={isOpen}
      onOpenChange={setIsOpen}
      onSelect={() => setIsOpen(false)}
      popperProps={{ position: 'right' }}
      toggle={(ref) => (
        <MenuToggle
          ref={ref}
          variant="plainText"
          isExpanded={isOpen}
          onClick={() => setIsOpen((open) => !open)}
          icon={<UserIcon />}
          aria-label={`Account of ${name}`}
        >
          <span className="hf-user-name">{name}</span>
        </MenuToggle>
      )}
    >
      <DropdownGroup label={detail}>
        <DropdownList>
          <DropdownItem onClick={onAccount}>My account</DropdownItem>
        </DropdownList>
      </DropdownGroup>
      <Divider />
      <DropdownGroup label="Theme">
        <DropdownList>
          {themes.map((theme) => (
            <DropdownItem key={theme} onClick={() => setTheme(theme)}>
              {themeWords[theme]}
            </DropdownItem>
          ))}
        </DropdownList>
      </DropdownGroup>
      <Divider />
      <DropdownList>
        <DropdownItem onClick={onSignOut}>Sign out</DropdownItem>
      </DropdownList>
    </Dropdown>
  )
}
