import { createHash } from 'node:crypto'
import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../test/debian-machine.ts'
import { Podman, type Runtime } from '../test/podman.ts'
import { cacheFolder, must, pinnedNode, repoRoot } from '../test/programs.ts'
import { findSecrets } from '../test/secrets.ts'

const maxImageBytes = 200 * 1000 * 1000
const password = 'correct horse battery staple 7'
const uid = 10_443

interface Descriptor {
  digest: string
  size: number
}

let folder: string
let archive: string
let digest: string
let layout: string
let podman: Podman

async function build(name: string): Promise<string> {
  const out = join(folder, name)
  const work = join(folder, `${name}-work`)
  const script = join(repoRoot, 'scripts/appliance.mjs')
  await must(['nice', pinnedNode, script, 'oci', '--out', out, '--work', work])
  rmSync(work, { recursive: true })
  return join(out, readdirSync(out).find((each) => each.endsWith('.oci.tar')) ?? '')
}

const blob = (descriptor: Descriptor) =>
  readFileSync(join(layout, 'blobs/sha256', descriptor.digest.replace('sha256:', '')))
const readJson = (bytes: Buffer) => JSON.parse(bytes.toString())
const manifest = () => readJson(blob(readJson(readFileSync(join(layout, 'index.json'))).manifests[0]))

beforeAll(async () => {
  mkdirSync(cacheFolder, { recursive: true })
  folder = mkdtempSync(join(cacheFolder, 'oci-'))
  archive = await build('first')
  digest = readFileSync(`${archive}.digest`, 'utf8').trim()
  layout = join(folder, 'layout')
  mkdirSync(layout)
  await must(['tar', '-xf', archive, '-C', layout])
  podman = new Podman(folder)
  await podman.must(['load', '--input', archive])
})
afterAll(async () => {
  await podman?.[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

describe('the archive', () => {
  it('is the same, byte by byte, when it is built again elsewhere', async () => {
    const again = await build('second')
    expect(readFileSync(again).equals(readFileSync(archive))).toBe(true)
  })

  it('is whole: every blob is what its name says, and the digest names the manifest', () => {
    for (const name of readdirSync(join(layout, 'blobs/sha256'))) {
      const bytes = readFileSync(join(layout, 'blobs/sha256', name))
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(name)
    }
    const [entry] = readJson(readFileSync(join(layout, 'index.json'))).manifests
    expect(entry.digest).toBe(digest)
    for (const each of [manifest().config, ...manifest().layers]) expect(blob(each).length).toBe(each.size)
  })

  it('stays small, packed and unpacked, and is for nobody special', async () => {
    expect(statSync(archive).size).toBeLessThanOrEqual(maxImageBytes)
    const [image] = JSON.parse(await podman.must(['image', 'inspect', `localhost/holdfast@${digest}`]))
    expect(image.Size).toBeLessThanOrEqual(maxImageBytes)
    expect(image.Config).toMatchObject({ User: `${uid}:${uid}`, Volumes: { '/data': {} } })
    expect(image.Config.Env.join(' ')).not.toMatch(/PASSWORD|SECRET|TOKEN|KEY/)
  })

  it('holds no shell, no package manager, no program that takes rights, and nothing secret in any layer', async () => {
    const layers: Descriptor[] = manifest().layers
    expect(layers).toHaveLength(3)
    for (const [index, each] of layers.entries()) {
      const tree = join(folder, `layer-${index}`)
      mkdirSync(tree)
      await must(['tar', '-xpzf', join(layout, 'blobs/sha256', each.digest.slice(7)), '-C', tree])
      expect(findSecrets(tree)).toEqual([])
      const names = await must(['find', tree, '-type', 'f', '-perm', '/111', '-printf', '/%P\n'])
      const programs = names.trim().split('\n').filter(Boolean).sort()
      const known = [
        /^\/usr\/lib\/[a-z0-9_-]+\/ld-linux-[a-z0-9_-]+\.so\.\d$/,
        /^\/usr\/lib\/holdfast\/(node\/bin\/node|etcd\/etcd|app\/holdfast\.mjs)$/,
      ]
      expect(programs.filter((path) => !known.some((form) => form.test(path)))).toEqual([])
      expect(await must(['find', tree, '-perm', '/6000'])).toBe('')
      expect(await must(['find', tree, '-perm', '-002', '!', '-type', 'l', '-printf', '%P\n'])).toMatch(
        /^(tmp\n)?$/,
      )
      rmSync(tree, { recursive: true })
    }
    const configuration = blob(manifest().config).toString()
    expect(configuration).not.toContain(repoRoot)
  })
})

describe.each<Runtime>(['runc', 'crun'])('run by podman with %s, read-only and without rights', (runtime) => {
  const name = `holdfast-${runtime}`
  const image = () => `localhost/holdfast@${digest}`
  const volume = ['--tmpfs=/tmp', '--volume', `${name}:/data`]
  const serves = () =>
    until(
      'the node serves',
      async () => (await podman.run(['exec', name, 'holdfast', 'health'], { runtime })).code === 0,
    )
  const logs = async () => {
    const { stdout, stderr } = await podman.run(['logs', name], { runtime })
    return stdout + stderr
  }
  const stop = async () => {
    await podman.must(['stop', '--time', '30', name], { runtime })
    const state = await podman.must(['inspect', name, '--format', '{{.State.ExitCode}}'], { runtime })
    await podman.must(['rm', name], { runtime })
    return state.trim()
  }
  /** The command inside, its profile in memory. */
  const holdfast = (args: string[], input = '') =>
    podman.must(['exec', '--interactive', '--env', 'XDG_CONFIG_HOME=/tmp', name, 'holdfast', ...args], {
      runtime,
      input,
    })
  const login = (fingerprint: string) => {
    const who = ['--url', 'https://127.0.0.1:7443', '--user', 'ingrid', '--password-file', '-']
    return holdfast(['login', ...who, '--fingerprint', fingerprint], password)
  }

  it('starts, serves, shows its set-up code, and ends in order', async () => {
    await podman.start(name, image(), runtime, volume)
    await serves()
    expect(await logs()).toMatch(/Set-up code\s+\S+/)
    expect((await podman.run(['exec', name, '/bin/sh', '-c', 'true'], { runtime })).code).not.toBe(0)
    expect(await stop()).toBe('0')
  })

  it('is set up from a secret that is a file, and keeps a message over containers', async () => {
    const file = join(folder, `${name}-password`)
    writeFileSync(file, password, { mode: 0o400 })
    chownSync(file, uid, uid)
    const secret = '/run/secrets/admin-password'
    const names = ['--facility', 'Port of Kaldvik', '--node', 'kaldvik-1', '--admin', 'ingrid']
    const init = ['init', '--data', '/data', ...names, '--admin-password-file', secret]
    const mount = ['--volume', `${file}:${secret}:ro`]
    const said = await podman.once(image(), runtime, [...volume, ...mount], init)
    const fingerprint = /CA fingerprint:\s+(\S+)/.exec(said)?.[1] ?? ''

    await podman.start(name, image(), runtime, volume)
    await serves()
    await login(fingerprint)
    await holdfast(['channel', 'create', 'traffic', '--kind', 'group'])
    expect(await holdfast(['send', 'traffic', 'Aurelia Star abeam'])).toBe('1\n')
    expect(await stop()).toBe('0')

    await podman.start(name, image(), runtime, volume)
    await serves()
    await login(fingerprint)
    expect(await holdfast(['tail', 'traffic', '--since', '0', '--no-follow'])).toContain('Aurelia Star abeam')
    const environment = await podman.must(['inspect', name], { runtime })
    for (const text of [await logs(), environment, said]) expect(text).not.toContain(password)
    expect(await logs()).not.toContain('Set-up code')
    await podman.must(['kill', '--signal', 'KILL', name], { runtime })
    await podman.must(['start', name], { runtime })
    await serves()
    expect(await stop()).toBe('0')
  })
})
