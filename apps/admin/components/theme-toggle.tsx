'use client'

import { ToggleGroup, ToggleGroupItem } from '@patternfly/react-core'
import { DesktopIcon } from '@patternfly/react-icons/dist/esm/icons/desktop-icon'
import { MoonIcon } from '@patternfly/react-icons/dist/esm/icons/moon-icon'
import { SunIcon } from '@patternfly/react-icons/dist/esm/icons/sun-icon'
import { useSyncExternalStore } from 'react'
import { currentTheme, isDark, setTheme, subscribeTheme, type Theme } from '../lib/theme.ts'

const choices: { theme: Theme; label: string; icon: typeof SunIcon }[] = [
  { theme: 'light', label: 'Light theme', icon: SunIcon },
  { theme: 'dark', label: 'Dark theme', icon: MoonIcon },
  { theme: 'system', label: 'Theme of the operating system', icon: DesktopIcon },
]

export function ThemeToggle() {
  const chosen = useSyncExternalStore(subscribeTheme, currentTheme, () => 'system')
  return (
    <ToggleGroup isCompact aria-label="Theme">
      {choices.map(({ theme, label, icon: Icon }) => (
        <ToggleGroupItem
          key={theme}
          aria-label={label}
          icon={<Icon />}
          isSelected={chosen === theme}
          onChange={() => setTheme(theme)}
        />
      ))}
    </ToggleGroup>
  )
}

/** Whether the page is painted dark right now; for what is drawn on a canvas, which no style sheet reaches. */
export function useIsDark(): boolean {
  return useSyncExternalStore(subscribeTheme, isDark, () => false)
}
