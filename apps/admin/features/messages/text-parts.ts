/** Splits texts into parts that React draws as text: nothing of a message ever becomes markup. */

export type TextPart = { kind: 'text' | 'link' | 'hit'; text: string }

// Only http and https: no other scheme of a stranger's text becomes something to click.
const link = /\bhttps?:\/\/[^\s<>"'`\u2066-\u2069\u202a-\u202e]+/giu
const trailing = /[.,;:!?)\]}]+$/u

/** Finds web addresses. They are shown, never fetched. */
export function linkParts(text: string): TextPart[] {
  const parts: TextPart[] = []
  let from = 0
  for (const match of text.matchAll(link)) {
    const url = match[0].replace(trailing, '')
    if (match.index > from) parts.push({ kind: 'text', text: text.slice(from, match.index) })
    parts.push({ kind: 'link', text: url })
    from = match.index + url.length
  }
  if (from < text.length) parts.push({ kind: 'text', text: text.slice(from) })
  return parts
}

const hitStart = '\u2068'
const hitEnd = '\u2069'

/** Splits a search snippet at its marks: hits stand between U+2068 and U+2069 (contract SearchHit). */
export function snippetParts(snippet: string): TextPart[] {
  const parts: TextPart[] = []
  let rest = snippet
  while (rest !== '') {
    const start = rest.indexOf(hitStart)
    const end = start < 0 ? -1 : rest.indexOf(hitEnd, start)
    if (start < 0 || end < 0) break
    if (start > 0) parts.push({ kind: 'text', text: rest.slice(0, start) })
    parts.push({ kind: 'hit', text: rest.slice(start + 1, end) })
    rest = rest.slice(end + 1)
  }
  if (rest !== '') parts.push({ kind: 'text', text: rest.replaceAll(hitStart, '').replaceAll(hitEnd, '') })
  return parts.filter((part) => part.text !== '')
}
