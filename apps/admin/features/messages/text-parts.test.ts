import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { linkParts, snippetParts } from './text-parts.ts'

const links = (text: string) =>
  linkParts(text)
    .filter((part) => part.kind === 'link')
    .map((part) => part.text)

describe('links', () => {
  test('are found without the punctuation of their sentence', () => {
    expect(links('See https://holdfast.lan/a?b=1, then (http://b.lan).')).toEqual([
      'https://holdfast.lan/a?b=1',
      'http://b.lan',
    ])
  })
  test('of other schemes are text', () => {
    expect(links('javascript:alert(1) data:text/html,x file:///etc/passwd')).toEqual([])
  })
  test('lose nothing of the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.webUrl(), fc.string(), (a, url, b) => {
        const text = `${a} ${url} ${b}`
        expect(
          linkParts(text)
            .map((part) => part.text)
            .join(''),
        ).toBe(text)
      }),
    )
  })
})

describe('snippets', () => {
  test('mark their hits', () => {
    expect(snippetParts('the \u2068pump\u2069 room \u2068key\u2069')).toEqual([
      { kind: 'text', text: 'the ' },
      { kind: 'hit', text: 'pump' },
      { kind: 'text', text: ' room ' },
      { kind: 'hit', text: 'key' },
    ])
  })
  test('with a mark that was cut off are plain text', () => {
    expect(snippetParts('half \u2068open')).toEqual([{ kind: 'text', text: 'half open' }])
  })
})
