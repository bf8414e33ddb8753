import { createHash } from 'node:crypto'
import {
  chmodSync,
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
import { parse } from 'yaml'
import { until } from '../test/debian-machine.ts'
import { Lan } from '../test/lan.ts'
import { Podman, type Runtime } from '../test/podman.ts'
import { cacheFolder, must, pinnedNode, repoRoot, run } from '../test/programs.ts'
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
        /^\/usr\/bin\/setpriv$/,
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

  it('keeps its keys to itself on a volume that belongs to a group, as Kubernetes mounts one', async () => {
    const volumeFolder = join(folder, `${name}-volume`)
    mkdirSync(volumeFolder)
    chownSync(volumeFolder, 0, uid)
    chmodSync(volumeFolder, 0o2775)
    const place = ['--tmpfs=/tmp', '--volume', `${volumeFolder}:/data`, '--env', 'HOLDFAST_DATA=/data/node']
    for (const _ of ['first', 'second']) {
      await podman.start(name, image(), runtime, place)
      await serves()
      expect(await stop()).toBe('0')
      // Its root must stay as it is, or the next mount would open all below to the group.
      expect(statSync(volumeFolder).mode & 0o7777).toBe(0o2775)
      expect(statSync(join(volumeFolder, 'node/secrets')).mode & 0o077).toBe(0)
    }
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

describe('a bundle, opened by the image that runs', () => {
  const name = 'holdfast-unpack'
  let to: string
  const makeRelease = async (version: string, ...flags: string[]) => {
    const maker = join(repoRoot, 'appliance/test/make-package-release.mjs')
    await must(['nice', pinnedNode, maker, version, join(to, 'releases'), '--oci', archive, ...flags])
    return `/media/releases/holdfast-${version}.raucb`
  }
  const vendor = join(process.env.HOLDFAST_KEYS || join(repoRoot, '.appliance/keys'), 'release-ca.pem')
  const unpack = (bundle: string) => {
    const update = ['holdfast', 'update', 'unpack', bundle, '--to', '/media/out']
    return podman.run(['exec', name, ...update])
  }

  beforeAll(async () => {
    to = join(folder, 'unpack')
    mkdirSync(join(to, 'out'), { recursive: true })
    chownSync(join(to, 'out'), uid, uid)
    const place = ['--tmpfs=/tmp', '--volume', `${name}:/data`, '--volume', `${to}:/media`]
    await podman.start(name, `localhost/holdfast@${digest}`, 'runc', place)
    await until(
      'the node serves',
      async () => (await podman.run(['exec', name, 'holdfast', 'health'])).code === 0,
    )
  })

  it('gives the new image, whole, and says what to do with it', async () => {
    const { stdout, stderr } = await unpack(await makeRelease('0.2.0'))
    expect(stderr).toBe('')
    expect(stdout).toContain('podman load -i /media/out/holdfast_0.2.0_amd64.oci.tar')
    expect(stdout).toMatch(/HOLDFAST_VERSION=0\.2\.0 .*\.env.*\n +docker compose up -d/)
    const taken = readFileSync(join(to, 'out/holdfast_0.2.0_amd64.oci.tar'))
    expect(taken.equals(readFileSync(archive))).toBe(true)
    await podman.must(['load', '--input', join(to, 'out/holdfast_0.2.0_amd64.oci.tar')])
  })

  it('on the machine itself goes straight into the engine that its user has set up', async () => {
    const place = mkdtempSync(join(folder, 'engine-'))
    const settings = join(place, 'storage.conf')
    const [root, runRoot] = [join(place, 'root'), join(place, 'run')]
    writeFileSync(settings, `[storage]\ndriver = "vfs"\ngraphroot = "${root}"\nrunroot = "${runRoot}"\n`)
    const env = { CONTAINERS_STORAGE_CONF: settings }
    const bundle = join(to, 'releases/holdfast-0.2.0.raucb')
    const out = join(place, 'out')
    const flags = ['--to', out, '--load', 'podman', '--release-root', vendor]
    const said = await must([join(repoRoot, 'bin/holdfast'), 'update', 'unpack', bundle, ...flags], { env })
    expect(said).toContain('Loaded image: localhost/holdfast:')
    expect(said).not.toContain('podman load')
    const [image] = JSON.parse(
      await must(['podman', 'image', 'inspect', `localhost/holdfast@${digest}`], { env }),
    )
    expect(image.Digest).toBe(digest)
    await run(['umount', join(root, 'vfs')])
  })

  it('refuses what is older, foreign, cut or changed, with the reason, in the history of the node too', async () => {
    const older = await makeRelease('0.0.9')
    const foreign = await makeRelease('0.5.0', '--vendor', join(folder, 'stranger'))
    const whole = readFileSync(join(to, 'releases/holdfast-0.2.0.raucb'))
    writeFileSync(join(to, 'releases/cut.raucb'), whole.subarray(0, 20_000_000))
    whole.writeUInt8(whole.readUInt8(10_000_000) ^ 1, 10_000_000)
    writeFileSync(join(to, 'releases/changed.raucb'), whole)
    for (const [bundle, reason] of [
      [older, 'Version 0.0.9 is older than 0.1.0'],
      [foreign, 'is not signed by the vendor'],
      ['/media/releases/cut.raucb', 'is not whole'],
      ['/media/releases/changed.raucb', 'is damaged or was changed'],
    ] as const) {
      const { code, stderr } = await unpack(bundle)
      expect([code, stderr]).toEqual([1, expect.stringContaining(reason)])
    }
    const history = await podman.must(['exec', name, 'holdfast', 'update', 'history', '--json'])
    expect(history.trim().split('\n')).toHaveLength(4)
    expect(readdirSync(join(to, 'out'))).toEqual(['holdfast_0.2.0_amd64.oci.tar'])
  })
})

describe('three nodes, as appliance/compose/cluster.yaml has them', () => {
  const names = ['holdfast-1', 'holdfast-2', 'holdfast-3'] as const
  type Name = (typeof names)[number]
  const runtime = 'runc'
  let lan: Lan
  let fingerprint = ''

  const holdfast = async (name: Name, args: string[], input = '') => {
    const inside = ['exec', '--interactive', '--env', 'XDG_CONFIG_HOME=/tmp', name, 'holdfast']
    const { code, stdout, stderr } = await podman.run([...inside, ...args], { input })
    if (code === 0) return stdout
    const said = await podman.run(['logs', '--tail', '20', name])
    throw new Error(`${name}: ${args.join(' ')} ended with ${code}: ${stderr}\n${said.stdout}${said.stderr}`)
  }
  const login = (name: Name) => {
    const who = ['--url', 'https://127.0.0.1:7443', '--user', 'ingrid', '--password-file', '-']
    return holdfast(name, ['login', ...who, '--fingerprint', fingerprint], password)
  }
  const serves = (name: Name) =>
    until(`${name} serves`, async () => (await podman.run(['exec', name, 'holdfast', 'health'])).code === 0)
  const setupCode = async (name: Name) => {
    const { stdout, stderr } = await podman.run(['logs', name])
    return /Set-up code\s+(\S+)/.exec(stdout + stderr)?.[1] ?? ''
  }
  const messages = (name: Name) => holdfast(name, ['tail', 'traffic', '--since', '0', '--no-follow'])
  const status = async () => {
    const text = await holdfast('holdfast-1', ['cluster', 'status', '--json'])
    return JSON.parse(text) as { writable: boolean; members: { name: string; state: string }[] }
  }

  beforeAll(async () => {
    lan = await Lan.make(names)
    const { services } = parse(readFileSync(join(repoRoot, 'appliance/compose/cluster.yaml'), 'utf8'), {
      merge: true,
    })
    expect(Object.keys(services)).toEqual(names)
    const file = join(folder, 'cluster-password')
    writeFileSync(file, password, { mode: 0o400 })
    chownSync(file, uid, uid)
    const image = `localhost/holdfast@${digest}`
    const volume = (name: Name) => ['--tmpfs=/tmp', '--volume', `${name}:/data`]
    const secret = '/run/secrets/admin-password'
    const facility = ['--facility', 'Port of Kaldvik', '--node', 'holdfast-1', '--admin', 'ingrid']
    const said = await podman.once(
      image,
      runtime,
      [...volume('holdfast-1'), '--volume', `${file}:${secret}:ro`],
      ['init', '--data', '/data', ...facility, '--admin-password-file', secret],
    )
    fingerprint = /CA fingerprint:\s+(\S+)/.exec(said)?.[1] ?? ''
    const known = lan.hosts.flatMap(({ name, address }) => ['--add-host', `${name}:${address}`])
    for (const { name, network } of lan.hosts) {
      // What the operator would give is left at its default: nothing.
      const variables = Object.entries(services[name].environment as Record<string, string>)
        .filter(([, value]) => !value.startsWith('${'))
        .flatMap(([variable, value]) => ['--env', `${variable}=${value}`])
      const own = ['--hostname', services[name].hostname, '--network', network]
      const place = [...own, ...known, ...volume(name as Name)]
      await podman.start(name, image, runtime, [...place, ...variables])
    }
    for (const name of names) await serves(name)
  })
  afterAll(() => lan?.[Symbol.asyncDispose]())

  it('become a cluster by their codes, and all have what one was told', async () => {
    await login('holdfast-1')
    await holdfast('holdfast-1', ['channel', 'create', 'traffic', '--kind', 'group'])
    await holdfast('holdfast-1', ['send', 'traffic', 'said to a single node'])
    await holdfast('holdfast-1', ['cluster', 'create'])
    for (const name of ['holdfast-2', 'holdfast-3'] as const)
      await holdfast(
        'holdfast-1',
        ['cluster', 'add', `${name}:7443`, '--node', name, '--setup-code-file', '-'],
        await setupCode(name),
      )
    expect(await status()).toMatchObject({ writable: true, members: names.map(() => ({ state: 'online' })) })
    await holdfast('holdfast-1', ['send', 'traffic', 'said to a cluster'])
    await login('holdfast-3')
    await until('the third node has both', async () => {
      const text = await messages('holdfast-3')
      return text.includes('single node') && text.includes('to a cluster')
    })
  })

  it('go on when one is killed, and give it what it missed', async () => {
    await login('holdfast-2')
    await podman.must(['kill', '--signal', 'KILL', 'holdfast-1'])
    await until('the others take messages', async () => {
      const sent = ['send', 'traffic', 'said without the first', '--id', 'm_without_the_first_1']
      const args = ['exec', '--env', 'XDG_CONFIG_HOME=/tmp', 'holdfast-2', 'holdfast', ...sent]
      return (await podman.run(args)).code === 0
    })
    await podman.must(['start', 'holdfast-1'])
    await serves('holdfast-1')
    await login('holdfast-1')
    await until('the first node has it', async () =>
      (await messages('holdfast-1')).includes('said without the first'),
    )
  })

  it('have it all after a stop of all', async () => {
    for (const name of names) await podman.must(['stop', '--time', '60', name])
    for (const name of names) await podman.must(['start', name])
    for (const name of names) await serves(name)
    await login('holdfast-2')
    const text = await messages('holdfast-2')
    for (const said of ['said to a single node', 'said to a cluster', 'said without the first'])
      expect(text.split(said)).toHaveLength(2)
  })
})
