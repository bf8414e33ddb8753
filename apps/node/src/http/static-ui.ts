import { type FileHandle, open } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { answer, methodAllowed } from './answers.ts'
import { decodePath } from './request.ts'
import { type Encoding, encodings, type UiFile, type UiFiles } from './ui-files.ts'

const notBuilt = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Holdfast</title></head>
<body><h1>This node runs, but its admin UI is not built</h1>
<p>Run <code>npm start</code> in the repository: it builds the UI and starts the node again.</p>
<p>The API, the terminal and every connected client work without it.</p></body></html>
`

/** Answers with a file of the admin UI; `path` is the request's path, still percent-encoded. */
export async function serveUi(
  files: UiFiles | null,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): Promise<void> {
  if (!methodAllowed(request, response, ['GET'])) return
  if (files === null) {
    const body = path === '/' ? notBuilt : 'There is nothing here.\n'
    const type = path === '/' ? 'text/html; charset=utf-8' : undefined
    answer(response, { status: path === '/' ? 503 : 404, body, ...(type && { type }) })
    return
  }
  const file = files.get(decodePath(path))
  if (file) return sendFile(file, request, response, 200)
  const page = (request.headers.accept ?? '').includes('text/html') ? files.get('/404.html') : undefined
  if (page) return sendFile(page, request, response, 404)
  answer(response, { status: 404, body: 'There is nothing here.\n' })
}

async function sendFile(
  file: UiFile,
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
): Promise<void> {
  const encoding = chooseEncoding(file, request.headers['accept-encoding'] ?? '')
  const etag = `"${file.etag}${encoding ? `-${encoding}` : ''}"`
  response.setHeader('Cache-Control', file.cacheControl)
  response.setHeader('ETag', etag)
  if (file.policy) response.setHeader('Content-Security-Policy', file.policy)
  if (Object.keys(file.compressed).length > 0) response.setHeader('Vary', 'Accept-Encoding')
  if (status === 200 && matches(request.headers['if-none-match'], etag)) {
    response.statusCode = 304
    response.end()
    return
  }
  if (encoding) response.setHeader('Content-Encoding', encoding)
  if (file.body && !encoding) {
    answer(response, { status, type: file.contentType, body: file.body })
    return
  }
  await sendFromDisk(encoding ? file.compressed[encoding]! : file.path, file, request, response, status)
}

async function sendFromDisk(
  path: string,
  file: UiFile,
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
): Promise<void> {
  let handle: FileHandle
  try {
    handle = await open(path)
  } catch {
    // The UI was built anew under the running node.
    for (const name of ['Content-Encoding', 'ETag']) response.removeHeader(name)
    response.setHeader('Cache-Control', 'no-store')
    answer(response, {
      status: 404,
      body: 'This file is gone: the admin UI was rebuilt. Restart the node.\n',
    })
    return
  }
  await using _ = handle
  const { size } = await handle.stat()
  response.statusCode = status
  response.setHeader('Content-Type', file.contentType)
  response.setHeader('Content-Length', size)
  if (request.method === 'HEAD') {
    response.end()
    return
  }
  try {
    // The end is named so that a file that grows meanwhile does not run over its announced length.
    if (size === 0) response.end()
    else await pipeline(handle.createReadStream({ autoClose: false, end: size - 1 }), response)
  } catch {
    // The client went away, or the file shrank; either way this connection carries no whole answer.
    response.destroy()
  }
}

function chooseEncoding(file: UiFile, header: string): Encoding | null {
  const accepted = header
    .split(',')
    .map((part) =>
      part
        .trim()
        .toLowerCase()
        .split(/\s*;\s*/),
    )
    .filter(([, quality]) => quality === undefined || !/^q=0(\.0*)?$/.test(quality))
    .map(([name]) => name)
  return encodings.find(([name]) => file.compressed[name] && accepted.includes(name))?.[0] ?? null
}

function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  return header.split(',').some((part) => {
    const candidate = part.trim()
    return candidate === '*' || candidate === etag || candidate === `W/${etag}`
  })
}
