import { type PersonAdd, personAdd } from '@holdfast/api/contract/inputs'
import { limits } from '@holdfast/api/contract/limits'
import { randomToken } from '../../platform/random.ts'

export interface CsvPeople {
  people: { line: number; person: PersonAdd; madePassword: string | null }[]
  refused: { line: number; why: string }[]
}

const columns = ['name', 'displayName', 'role', 'password'] as const

/**
 * People from CSV (RFC 4180): a header naming the columns `name`, and optionally `displayName`, `role`, `password`.
 * A person without a password gets one made here, to be changed at the first login.
 */
export function parsePeopleCsv(csv: string): CsvPeople {
  const text = csv.replace(/^\uFEFF/, '')
  const rows = parseCsv(text, separatorOf(text))
  const header = rows.shift()
  const names = header?.fields.map((f) => f.trim().toLowerCase()) ?? []
  if (!names.includes('name'))
    return {
      people: [],
      refused: [{ line: 1, why: `the first line must name the columns: ${columns.join(',')}` }],
    }
  const people: CsvPeople['people'] = []
  const refused: CsvPeople['refused'] = []
  for (const { line, fields } of rows) {
    if (fields.every((f) => f.trim() === '')) continue
    if (people.length >= limits.listRows) {
      refused.push({ line, why: `at most ${limits.listRows} people in one file; put the rest in another` })
      continue
    }
    const value = (column: string): string | undefined =>
      fields[names.indexOf(column.toLowerCase())]?.trim() || undefined
    const given = value('password')
    const madePassword = given === undefined ? randomToken(12) : null
    const parsed = personAdd.safeParse({
      name: value('name') ?? '',
      displayName: value('displayName'),
      role: value('role') ?? 'member',
      password: given ?? madePassword,
      mustChange: true,
    })
    if (parsed.success) people.push({ line, person: parsed.data, madePassword })
    else
      refused.push({
        line,
        why: parsed.error.issues.map((i) => `${i.path.join('.')}: ${i.message}`).join('; '),
      })
  }
  return { people, refused }
}

/** Where the comma is the decimal point, spreadsheets separate by semicolons; the first line tells. */
function separatorOf(text: string): ',' | ';' {
  const end = text.indexOf('\n')
  const header = end < 0 ? text : text.slice(0, end)
  return header.includes(';') && !header.includes(',') ? ';' : ','
}

/** Records of RFC 4180: commas, double quotes doubled inside quotes, line ends inside quotes kept. */
function parseCsv(text: string, separator: ',' | ';'): { line: number; fields: string[] }[] {
  const rows: { line: number; fields: string[] }[] = []
  let line = 1
  let row = { line, fields: [''] }
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const c = text[i] as string
    const last = row.fields.length - 1
    if (quoted) {
      if (c === '"' && text[i + 1] === '"') {
        row.fields[last] += '"'
        i += 1
      } else if (c === '"') quoted = false
      else row.fields[last] += c
    } else if (c === '"' && row.fields[last] === '') quoted = true
    else if (c === separator) row.fields.push('')
    else if (c === '\n') {
      rows.push(row)
      row = { line: line + 1, fields: [''] }
    } else if (c !== '\r') row.fields[last] += c
    if (c === '\n') line += 1
  }
  rows.push(row)
  return rows
}
