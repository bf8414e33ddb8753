/** Actions of the audit log in words: `device.approved` → "Device approved". */

/** Areas whose first word does not say it well enough. */
const areas: Record<string, string> = {
  auth: 'Sign-in',
  log: 'Log',
  node: 'Node',
  person: 'Person',
  settings: 'Settings',
}

export function actionText(action: string): string {
  const [area = '', ...rest] = action.split('.')
  const subject = areas[area] ?? area
  const verb = rest
    .join(' ')
    .replaceAll(/[-_]/g, ' ')
    .replaceAll(/([a-z])([A-Z])/g, (_, before: string, after: string) => `${before} ${after.toLowerCase()}`)
  const text = `${subject} ${verb}`.trim()
  return text.charAt(0).toUpperCase() + text.slice(1)
}
