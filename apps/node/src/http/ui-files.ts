import { createHash } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { extname, join, relative, sep } from 'node:path'
import { httpBounds } from './bounds.ts'
import { pagePolicy } from './csp.ts'

/** Encodings in order of preference, with the ending of a file that was compressed at build time. */
export const encodings = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const
export type Encoding = (typeof encodings)[number][0]

export interface UiFile {
  /** Absolute path on disk. */
  path: string
  contentType: string
  cacheControl: string
  etag: string
  /** Content-Security-Policy of a page; null for everything else. */
  policy: string | null
  /** A page's bytes: its policy holds hashes of exactly these. Other files stay on disk. */
  body: Buffer | null
  /** Paths of compressed copies. */
  compressed: Partial<Record<Encoding, string>>
}

/** Every file of the admin UI by the URL paths that lead to it. */
export type UiFiles = ReadonlyMap<string, UiFile>

const contentTypes: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.txt': 'text/plain; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.woff': 'font/woff',
  '.woff2': 'font/woff2',
}
/** Names under this path carry a hash of their content. */
const hashedPrefix = '/_next/static/'
const cacheForever = 'public, max-age=31536000, immutable'
const cacheWithCheck = 'no-cache'

/**
 * Lists a Next export once, at start. Only what is listed is ever served, so no URL can lead out of the folder.
 * A rebuilt UI needs a restart of the node.
 *
 * @throws Error when the folder cannot be read or is no UI build
 */
export async function loadUiFiles(directory: string): Promise<UiFiles> {
  const found = (await readdir(directory, { recursive: true, withFileTypes: true })).filter((e) => e.isFile())
  if (found.length > httpBounds.uiFiles) {
    throw new Error(`${directory} holds ${found.length} files: that is no build of the admin UI.`)
  }
  const paths = found.map((entry) => join(entry.parentPath, entry.name)).toSorted()
  const present = new Set(paths)
  const files = new Map<string, UiFile>()
  for (const path of paths) {
    const isCopy = encodings.some(([, end]) => path.endsWith(end) && present.has(path.slice(0, -end.length)))
    if (isCopy) continue
    const url = `/${relative(directory, path).split(sep).join('/')}`
    const file = await loadFile(path, url, present)
    for (const alias of urlsOf(url)) {
      // `/devices` is devices.html before it is devices/index.html.
      if (alias === url || !files.has(alias)) files.set(alias, file)
    }
  }
  return files
}

async function loadFile(path: string, url: string, present: ReadonlySet<string>): Promise<UiFile> {
  const info = await stat(path)
  if (info.size > httpBounds.uiFileBytes) throw new Error(`${path} is over ${httpBounds.uiFileBytes} bytes.`)
  const isPage = url.endsWith('.html')
  const body = isPage ? await readFile(path) : null
  const compressed: UiFile['compressed'] = {}
  for (const [encoding, end] of encodings) {
    if (present.has(path + end)) compressed[encoding] = path + end
  }
  return {
    path,
    contentType: contentTypes[extname(path)] ?? 'application/octet-stream',
    cacheControl: url.startsWith(hashedPrefix) ? cacheForever : cacheWithCheck,
    etag: body
      ? createHash('sha256').update(body).digest('base64url').slice(0, 22)
      : `${info.size.toString(36)}-${Math.trunc(info.mtimeMs).toString(36)}`,
    policy: body ? pagePolicy(body.toString('utf8')) : null,
    body,
    compressed,
  }
}

/** The file's own URL and, for a page, its clean ones. */
function urlsOf(url: string): string[] {
  if (!url.endsWith('.html')) return [url]
  const clean = url.slice(0, -'.html'.length)
  if (clean === '/index') return [url, '/']
  if (clean.endsWith('/index')) {
    const folder = clean.slice(0, -'/index'.length)
    return [url, `${folder}/`, folder]
  }
  return [url, clean, `${clean}/`]
}
