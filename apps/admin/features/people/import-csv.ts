/** The CSV that the import takes, and what it gives back. */

/** The columns that the node knows; only `name` has to be there. */
export const csvTemplate = [
  'name,displayName,role,password',
  'ana.keller,Ana Keller,member,',
  'ben,"Ben Osei, shift leader",helpdesk,',
  '',
].join('\r\n')

/** RFC 4180: quotes where a field has a comma, a quote or a line end. */
function field(text: string): string {
  // A spreadsheet would run a field that begins with one of these as a formula.
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** Names and made passwords, to be printed and handed out. */
export function passwordSheet(added: readonly { name: string; password: string | null }[]): string {
  const rows = added.filter((person) => person.password !== null)
  return [
    'name,password',
    ...rows.map(({ name, password }) => `${field(name)},${field(password ?? '')}`),
    '',
  ].join('\r\n')
}
