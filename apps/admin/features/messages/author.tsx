'use client'
import css from './author.module.css'

export interface Author {
  id: string
  name: string
  displayName: string
}

const hues = 8

/** First letters of up to two words; by grapheme, so that an emoji or a combined letter stays whole. */
export function initials(displayName: string): string {
  const words = displayName.split(/\s+/u).filter((word) => word !== '')
  const chosen = words.length > 1 ? [words[0], words.at(-1)] : [words[0]]
  const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })
  return chosen
    .map((word) => [...graphemes.segment(word ?? '?')][0]?.segment ?? '?')
    .join('')
    .toLocaleUpperCase()
}

function hue(id: string): number {
  let sum = 0
  for (const character of id) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 9973
  return sum % hues
}

/** A disc with initials, in a colour that stays the same for the same person. Decoration: the name stands beside it. */
export function AuthorDisc({ author, small = false }: { author: Author; small?: boolean }) {
  return (
    <span
      aria-hidden="true"
      className={`${css.disc} ${css[`hue${hue(author.id)}`]} ${small ? css.discSmall : ''}`}
    >
      {initials(author.displayName)}
    </span>
  )
}
