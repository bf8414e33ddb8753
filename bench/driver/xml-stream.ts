/** One element of an XMPP stream. Text and children keep no relative order: no stanza of the bench needs it. */
export interface Element {
  name: string
  attributes: Record<string, string>
  children: Element[]
  text: string
}

const attributePattern = /([\w:.-]+)\s*=\s*(?:'([^']*)'|"([^"]*)")/g
const entities: Record<string, string> = { lt: '<', gt: '>', amp: '&', apos: "'", quot: '"' }

/**
 * Cuts a stream into its stanzas (RFC 6120, section 4): the children of the one root element that stays open.
 * XMPP forbids comments, processing instructions and DTDs (section 11.1), so that a tag is all there is between
 * two pieces of text. The servers escape '>' inside attributes, which the search for a tag's end relies on.
 */
export class XmlStream {
  readonly #onStanza: (stanza: Element) => void
  #pending = ''
  /** The elements that are open, outermost first, without the stream's root. */
  #open: Element[] = []
  #isRootOpen = false

  constructor(onStanza: (stanza: Element) => void) {
    this.#onStanza = onStanza
  }

  /** Forgets everything: the next bytes are a new stream (RFC 6120, section 4.3.3). */
  restart(): void {
    this.#pending = ''
    this.#open = []
    this.#isRootOpen = false
  }

  write(chunk: string): void {
    const input = this.#pending === '' ? chunk : this.#pending + chunk
    this.#pending = ''
    let position = 0
    while (position < input.length) {
      const tagStart = input.indexOf('<', position)
      const tagEnd = tagStart < 0 ? -1 : input.indexOf('>', tagStart)
      if (tagEnd < 0) {
        this.#pending = input.slice(position)
        return
      }
      const current = this.#open.at(-1)
      if (current && tagStart > position) current.text += unescapeXml(input.slice(position, tagStart))
      position = tagEnd + 1
      this.#tag(input.slice(tagStart + 1, tagEnd))
    }
  }

  #tag(tag: string): void {
    if (tag.startsWith('?')) return // the XML declaration
    if (tag.startsWith('/')) {
      this.#close()
      return
    }
    const isEmpty = tag.endsWith('/')
    const nameEnd = tag.search(/[\s/]|$/)
    const element = {
      name: tag.slice(0, nameEnd),
      attributes: parseAttributes(tag.slice(nameEnd)),
      children: [],
      text: '',
    }
    if (!this.#isRootOpen) {
      this.#isRootOpen = true
      return
    }
    this.#open.at(-1)?.children.push(element)
    this.#open.push(element)
    if (isEmpty) this.#close()
  }

  #close(): void {
    const closed = this.#open.pop()
    if (closed && this.#open.length === 0) this.#onStanza(closed)
  }
}

export function findChild(element: Element, name: string): Element | undefined {
  return element.children.find((child) => child.name === name)
}

export function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll("'", '&apos;')
}

function parseAttributes(text: string): Record<string, string> {
  const attributes: Record<string, string> = {}
  for (const [, name, single, double] of text.matchAll(attributePattern))
    attributes[name!] = unescapeXml(single ?? double ?? '')
  return attributes
}

function unescapeXml(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (hex) return String.fromCodePoint(Number.parseInt(hex, 16))
    if (decimal) return String.fromCodePoint(Number(decimal))
    return entities[name] ?? whole
  })
}
