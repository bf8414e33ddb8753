/**
 * What is wrong with an input, in the words of somebody who typed it and knows no schemas. One map for all schemas:
 * importing it is enough. A schema that can say more names its own message, and that one counts.
 */
import { config, type core } from 'zod'

const kinds: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
}
/** What the size of each kind of value is counted in. */
const units: Record<string, readonly [one: string, many: string]> = {
  string: ['character', 'characters'],
  array: ['entry', 'entries'],
  set: ['entry', 'entries'],
  map: ['entry', 'entries'],
}

/** The text for one issue; undefined leaves it to zod. */
export function issueText(issue: core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is missing' : `must be ${kinds[issue.expected] ?? issue.expected}`
    case 'too_small':
      return sizeText(issue.origin, issue.inclusive === false ? 'more than' : 'at least', issue.minimum)
    case 'too_big':
      return sizeText(issue.origin, issue.inclusive === false ? 'less than' : 'at most', issue.maximum)
    case 'invalid_value':
      return issue.values.length === 1
        ? `must be ${String(issue.values[0])}`
        : `must be one of ${issue.values.map(String).join(', ')}`
    case 'invalid_format':
      return 'is not written as it must be'
    case 'unrecognized_keys':
      return `holds what is not known: ${issue.keys.join(', ')}`
    case 'invalid_union':
    case 'invalid_key':
    case 'invalid_element':
      return 'is none of the forms it may have'
    default:
      return undefined
  }
}

function sizeText(origin: string, bound: string, size: number | bigint): string {
  const unit = units[origin]
  if (unit === undefined) return `must be ${bound} ${size}`
  if (bound === 'at least' && size === 1) return 'must not be empty'
  return `must have ${bound} ${size} ${Number(size) === 1 ? unit[0] : unit[1]}`
}

config({ customError: issueText })
