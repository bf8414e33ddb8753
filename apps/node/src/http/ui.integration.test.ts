import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startHttp } from './http-fixture.ts'

const inlineOne = 'self.__next_f=self.__next_f||[]'
const inlineTwo = '\n  if (1 < 2) document.title = "é"\n'
const page = (title: string) => `<!doctype html><html><head><title>${title}</title>
<script src="/_next/static/app.js" async=""></script><style>body{color:red}</style>
<script>${inlineOne}</script></head><body><script id="x>y" data-a='1'>${inlineTwo}</script></body></html>`

let root = ''
let ui = ''
async function put(name: string, content: string) {
  await mkdir(dirname(join(ui, name)), { recursive: true })
  await writeFile(join(ui, name), content)
}
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-ui-'))
  ui = join(root, 'out')
  await put('index.html', page('Home'))
  await put('devices.html', page('Devices'))
  await put('devices.txt', 'flight data')
  await put('people/index.html', page('People'))
  await put('404.html', page('Nothing'))
  await put('plain.html', '<!doctype html><p>no script')
  await put('_next/static/app.js', 'x'.repeat(100_000))
  await put('_next/static/app.js.br', 'BR')
  await put('_next/static/app.js.gz', 'GZ')
  await put('icon.svg', '<svg/>')
  await writeFile(join(root, 'secret.txt'), 'TOP SECRET')
})
afterEach(() => rm(root, { recursive: true }))

const sha256 = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

test('pages have clean URLs and a policy with the hashes of their own inline scripts', async () => {
  await using server = await startHttp({ uiDirectory: ui })
  for (const [path, title] of [
    ['/', 'Home'],
    ['/index.html', 'Home'],
    ['/devices', 'Devices'],
    ['/devices/', 'Devices'],
    ['/devices?filter=a', 'Devices'],
    ['/people', 'People'],
    ['/people/', 'People'],
  ]) {
    const answer = await server.call(path!)
    expect(answer.status, path).toBe(200)
    expect(answer.body).toContain(`<title>${title}</title>`)
    expect(answer.headers['content-type']).toBe('text/html; charset=utf-8')
    expect(answer.headers['cache-control']).toBe('no-cache')
    const policy = answer.headers['content-security-policy'] as string
    const directives = policy.split('; ')
    expect(directives).toContain(`script-src 'self' ${sha256(inlineOne)} ${sha256(inlineTwo)}`)
    expect(directives).toContain(`style-src 'self' ${sha256('body{color:red}')}`)
    expect(directives).toContain("default-src 'none'")
    expect(directives).toContain("frame-ancestors 'none'")
    expect(policy.replace("style-src-attr 'unsafe-inline'", '')).not.toContain('unsafe')
  }
  const plain = await server.call('/plain')
  expect(plain.headers['content-security-policy']).toContain("script-src 'self';")
})

test('files with hashed names are kept for ever, others are checked again', async () => {
  await using server = await startHttp({ uiDirectory: ui })
  const script = await server.call('/_next/static/app.js')
  expect(script.body).toHaveLength(100_000)
  expect(script.headers).toMatchObject({
    'content-type': 'text/javascript; charset=utf-8',
    'cache-control': 'public, max-age=31536000, immutable',
    vary: 'Accept-Encoding',
  })
  const icon = await server.call('/icon.svg')
  expect(icon.headers).toMatchObject({ 'content-type': 'image/svg+xml', 'cache-control': 'no-cache' })
  const again = await server.call('/icon.svg', { headers: { 'if-none-match': icon.headers.etag! } })
  expect(again).toMatchObject({ status: 304, body: '' })
  const home = await server.call('/')
  const homeAgain = await server.call('/', { headers: { 'if-none-match': `"x", W/${home.headers.etag}` } })
  expect(homeAgain.status).toBe(304)
  expect(homeAgain.headers['content-security-policy']).toBe(home.headers['content-security-policy'])
})

test('a compressed copy is sent to whoever takes it', async () => {
  await using server = await startHttp({ uiDirectory: ui })
  for (const [accepted, encoding, body] of [
    ['gzip, deflate, br', 'br', 'BR'],
    ['gzip', 'gzip', 'GZ'],
    ['br;q=0, gzip;q=0.5', 'gzip', 'GZ'],
  ]) {
    const answer = await server.call('/_next/static/app.js', { headers: { 'accept-encoding': accepted! } })
    expect(answer).toMatchObject({ status: 200, body })
    expect(answer.headers['content-encoding']).toBe(encoding)
    expect(answer.headers['content-type']).toBe('text/javascript; charset=utf-8')
  }
  const identity = await server.call('/_next/static/app.js', { headers: { 'accept-encoding': 'deflate' } })
  expect(identity.headers).not.toHaveProperty('content-encoding')
  const head = await server.call('/_next/static/app.js', { method: 'HEAD' })
  expect([head.body, head.headers['content-length']]).toEqual(['', '100000'])
})

test('no path leads out of the folder', async () => {
  await using server = await startHttp({ uiDirectory: ui })
  for (const path of [
    '/../secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/%2e%2e%2fsecret.txt',
    '/%252e%252e%252fsecret.txt',
    '/_next/static/../../../secret.txt',
    '/..\\secret.txt',
    '/....//secret.txt',
    `/${root}/secret.txt`,
    `//${root}/secret.txt`,
    '/%00',
    '/icon.svg%00.html',
    '/%zz',
    '/%',
    '/__proto__',
    '/constructor',
    '/_next/static/',
    '/_next/static/app.js.br/',
  ]) {
    const answer = await server.call(path)
    expect(answer.status, path).toBe(404)
    expect(answer.body, path).not.toContain('TOP SECRET')
  }
  expect((await server.call('/icon.svg', { headers: { range: 'bytes=9-1' } })).status).toBe(200)
})

test('an unknown address shows a browser the page for it, with its policy', async () => {
  await using server = await startHttp({ uiDirectory: ui })
  const asPage = await server.call('/nowhere', { headers: { accept: 'text/html,*/*' } })
  expect(asPage.status).toBe(404)
  expect(asPage.body).toContain('<title>Nothing</title>')
  expect(asPage.headers['content-security-policy']).toContain(sha256(inlineOne))
  const asFile = await server.call('/nowhere.js')
  expect(asFile).toMatchObject({ status: 404, body: 'There is nothing here.\n' })
})

test('a file that vanished is missing, and the server goes on', async () => {
  await using server = await startHttp({ uiDirectory: ui })
  await unlink(join(ui, 'icon.svg'))
  const gone = await server.call('/icon.svg')
  expect(gone.status).toBe(404)
  expect(gone.headers['cache-control']).toBe('no-store')
  expect((await server.call('/')).status).toBe(200)
})

test('without a built UI the page says how to build it, and a missing folder stops the start', async () => {
  await using server = await startHttp()
  const answer = await server.call('/')
  expect(answer.status).toBe(503)
  expect(answer.body).toContain('npm start')
  expect((await server.call('/devices')).status).toBe(404)
  await expect(startHttp({ uiDirectory: join(root, 'missing') })).rejects.toThrow(/missing/)
})
