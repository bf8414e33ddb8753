import { createHash } from 'node:crypto'

const attributes = `(?:[^>"']|"[^"]*"|'[^']*')*`
const scriptElement = new RegExp(`<script\\b(${attributes})>([\\s\\S]*?)</script`, 'gi')
const styleElement = new RegExp(`<style\\b(${attributes})>([\\s\\S]*?)</style`, 'gi')

/**
 * The policy of one page: its own inline scripts and style elements by their hash, files from this node, and
 * nothing else. PatternFly positions with style attributes, which take no hash that browsers honour everywhere.
 *
 * @param html the page exactly as it is sent
 * @see https://www.w3.org/TR/CSP3/
 */
export function pagePolicy(html: string): string {
  const scripts = inlineHashes(html, scriptElement)
  const styles = inlineHashes(html, styleElement)
  return [
    "default-src 'none'",
    ["script-src 'self'", ...scripts].join(' '),
    ["style-src 'self'", ...styles].join(' '),
    "style-src-attr 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'self'",
  ].join('; ')
}

function inlineHashes(html: string, element: RegExp): string[] {
  const hashes = new Set<string>()
  for (const [, attributeText = '', content = ''] of html.matchAll(element)) {
    if (/\ssrc\s*=/i.test(attributeText)) continue
    // HTML turns every line end into LF before the browser hashes the text.
    const text = content.replaceAll(/\r\n?/g, '\n')
    hashes.add(`'sha256-${createHash('sha256').update(text).digest('base64')}'`)
  }
  return [...hashes]
}
