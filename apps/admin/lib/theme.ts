/** Dark, light, or what the operating system prefers; kept in this browser. */
export const themes = ['system', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

const storageKey = 'holdfast-theme'
const darkClass = 'pf-v6-theme-dark'
const darkQuery = '(prefers-color-scheme: dark)'

/**
 * Runs in the head before the first paint, so that a dark page never flashes white. It is the same text on every page:
 * the daemon puts its hash into the content security policy.
 */
export const themeScript = `try{var t=localStorage.getItem('${storageKey}')}catch(e){}if(t==='dark'||(t!=='light'&&matchMedia('${darkQuery}').matches))document.documentElement.classList.add('${darkClass}')`

const listeners = new Set<() => void>()
let unstored: Theme | null = null

export function currentTheme(): Theme {
  try {
    const stored = localStorage.getItem(storageKey)
    return stored === 'dark' || stored === 'light' ? stored : (unstored ?? 'system')
  } catch {
    return unstored ?? 'system'
  }
}

function paint(): void {
  const theme = currentTheme()
  const dark = theme === 'dark' || (theme === 'system' && matchMedia(darkQuery).matches)
  document.documentElement.classList.toggle(darkClass, dark)
  for (const listener of listeners) listener()
}

export function setTheme(theme: Theme): void {
  unstored = theme
  try {
    if (theme === 'system') localStorage.removeItem(storageKey)
    else localStorage.setItem(storageKey, theme)
  } catch {
    // A browser that keeps nothing still shows the chosen theme until the page is closed.
  }
  paint()
}

/** Tells of every change of what is painted: a choice here, in another tab, or the operating system's. */
export function subscribeTheme(listener: () => void): () => void {
  listeners.add(listener)
  if (listeners.size === 1) {
    matchMedia(darkQuery).addEventListener('change', paint)
    window.addEventListener('storage', paint)
  }
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) {
      matchMedia(darkQuery).removeEventListener('change', paint)
      window.removeEventListener('storage', paint)
    }
  }
}

export const isDark = () => document.documentElement.classList.contains(darkClass)
