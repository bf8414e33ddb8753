import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DebianMachine, type Suite, until } from '../test/debian-machine.ts'
import { cacheFolder, must, needs, pinnedNode, repoRoot, run } from '../test/programs.ts'
import { findSecrets } from '../test/secrets.ts'

/** Highest exposure that `systemd-analyze security` may show for the service; 10 is no protection at all. */
const maxExposure = 1.5
const data = '/var/lib/holdfast'
const password = 'correct horse battery staple 7'
const etcdOnly = `[Service]
Type=simple
WatchdogSec=0
ExecStart=
ExecStart=/usr/bin/setpriv --pdeathsig KILL /usr/lib/holdfast/etcd/etcd --data-dir ${data}/etcd-trial --log-level error
`

let folder: string
let file: string

async function build(name: string): Promise<string> {
  const out = join(folder, name)
  await must([
    'nice',
    pinnedNode,
    join(repoRoot, 'scripts/appliance.mjs'),
    'deb',
    '--out',
    out,
    '--work',
    join(folder, `${name}-work`),
  ])
  return join(out, readdirSync(out)[0] ?? '')
}

beforeAll(async () => {
  await must(['mkdir', '-p', cacheFolder])
  folder = mkdtempSync(join(cacheFolder, 'deb-'))
  file = await build('first')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the package', () => {
  it('is the same, byte by byte, when it is built again elsewhere', async () => {
    const again = await build('second')
    expect(readFileSync(again).equals(readFileSync(file))).toBe(true)
  })

  it('says what it needs, and belongs to root whoever built it', async () => {
    const fields = await must(['dpkg-deb', '--field', file])
    expect(fields).toMatch(/^Package: holdfast$/m)
    expect(fields).toMatch(/^Depends: .*systemd/m)
    const contents = await must(['dpkg-deb', '--contents', file])
    const lines = contents.trim().split('\n')
    expect(lines.filter((line) => !/^[d\-l]\S+ root\/root /.test(line))).toEqual([])
    expect(lines.filter((line) => /^-\S*[st]|^\S{8}w/.test(line) && !line.startsWith('l'))).toEqual([])
    expect(contents).not.toMatch(/\.map$|\.ts$|\.test\./m)
  })

  it('holds its sums, and nothing secret', async () => {
    const tree = join(folder, 'tree')
    await must(['dpkg-deb', '--raw-extract', file, tree])
    await must(['md5sum', '--check', '--quiet', join(tree, 'DEBIAN/md5sums')], { cwd: tree })
    expect(findSecrets(tree)).toEqual([])
  })

  it('has manual pages that mandoc can show', async () => {
    needs('mandoc', 'mandoc')
    const tree = join(folder, 'manual')
    await must(['dpkg-deb', '--extract', file, tree])
    for (const page of ['man1/holdfast.1', 'man8/holdfast.service.8']) {
      const text = await must(['sh', '-c', `zcat usr/share/man/${page}.gz | mandoc -W error -T markdown`], {
        cwd: tree,
      })
      expect(text).toContain('SEE ALSO')
    }
  })
})

describe.each<Suite>(['trixie', 'bookworm'])('on a fresh Debian %s with its own systemd', (suite) => {
  let machine: DebianMachine
  const holdfast = (...args: string[]) => machine.must(['holdfast', ...args])
  const active = async () => (await machine.run(['systemctl', 'is-active', 'holdfast'])).stdout.trim()
  const health = () => machine.run(['runuser', '-u', 'holdfast', '--', 'holdfast', 'health', '--data', data])
  const serves = () => until('the node serves', async () => (await health()).code === 0)
  const journal = () => machine.must(['journalctl', '-u', 'holdfast', '-o', 'cat', '--no-pager'])

  /** The machine's files are this machine's too. */
  const secretFile = (path: string, text: string) => {
    mkdirSync(dirname(join(machine.root, path)), { recursive: true })
    writeFileSync(join(machine.root, path), text, { mode: 0o600 })
  }

  beforeAll(async () => {
    machine = await DebianMachine.install(suite)
    copyFileSync(file, join(machine.root, 'root/holdfast.deb'))
    await machine.boot()
  })
  afterAll(() => machine?.[Symbol.asyncDispose]())

  it('installs without a network, starts, tells systemd so, and shows its set-up code', async () => {
    await machine.must(['dpkg', '--install', '/root/holdfast.deb'])
    expect(await active()).toBe('active')
    expect(await machine.must(['systemctl', 'show', 'holdfast', '-p', 'StatusText'])).toContain(
      'serves https',
    )
    expect(await journal()).toMatch(/CA fingerprint\s+[0-9A-F:]{95}\n\s+Set-up code\s+\S+/)
    expect((await health()).stdout).toBe('The node serves.\n')
    expect(await machine.must(['stat', '-c', '%a %U', data])).toBe('700 holdfast\n')
    await machine.must(['systemctl', 'is-enabled', 'holdfast'])
  })

  it('is as closed as it can be', async () => {
    const shown = await machine.must(['systemd-analyze', 'security', '--no-pager', 'holdfast'])
    const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(shown)?.[1])
    expect(exposure).toBeLessThanOrEqual(maxExposure)
  })

  it('is set up on the command line, keeps a message over restart and crash, and answers on port 443', async () => {
    await machine.must(['systemctl', 'stop', 'holdfast'])
    secretFile('root/pw', password)
    await machine.must(['install', '-o', 'holdfast', '-m', '600', '/root/pw', `${data}/pw`])
    const as = ['runuser', '-u', 'holdfast', '--', 'holdfast', 'init', '--data', data]
    const names = ['--facility', 'Port of Kaldvik', '--node', 'kaldvik-1', '--admin', 'ingrid']
    await machine.must([...as, ...names, '--admin-password-file', `${data}/pw`])
    await machine.must(['rm', `${data}/pw`])
    await machine.must(['systemctl', 'enable', 'holdfast-443.socket'])
    await machine.must(['systemctl', 'start', 'holdfast-443.socket', 'holdfast.service'])

    const fingerprint = /CA fingerprint\s+(\S+)/.exec(await journal())?.[1] ?? ''
    const url = ['--url', 'https://localhost:443', '--user', 'ingrid']
    await holdfast('login', ...url, '--password-file', '/root/pw', '--fingerprint', fingerprint)
    await holdfast('channel', 'create', 'traffic', '--kind', 'group')
    expect(await holdfast('send', 'traffic', 'Aurelia Star abeam')).toBe('1\n')

    await machine.must(['systemctl', 'restart', 'holdfast'])
    expect(await holdfast('tail', 'traffic', '--since', '0', '--no-follow')).toContain('Aurelia Star abeam')
    await machine.must(['systemctl', 'kill', '--signal=KILL', 'holdfast'])
    await until('the killed node is started again', async () => (await active()) !== 'active')
    await serves()
    expect(await holdfast('tail', 'traffic', '--since', '0', '--no-follow')).toContain('Aurelia Star abeam')
  })

  it('a node that hangs is ended by the watchdog and started again', async () => {
    const override = '/run/systemd/system/holdfast.service.d'
    await machine.must(['mkdir', '-p', override])
    await machine.must(['tee', `${override}/short.conf`], { input: '[Service]\nWatchdogSec=3\n' })
    await machine.must(['systemctl', 'daemon-reload'])
    await machine.must(['systemctl', 'restart', 'holdfast'])
    const pid = async () => (await machine.must(['systemctl', 'show', '-P', 'MainPID', 'holdfast'])).trim()
    const hung = await pid()
    await machine.must(['sh', '-c', `kill -STOP ${hung}`])
    await until('another process serves', async () => !['0', hung].includes(await pid()))
    await serves()
    expect(await journal()).toMatch(/watchdog/i)
    await machine.must(['rm', '-r', override])
    await machine.must(['systemctl', 'daemon-reload'])
  })

  it('takes a token for metrics from the credential store', async () => {
    secretFile('etc/credstore/metrics-token', 'a-token-of-the-facility-1234567890')
    await machine.must(['systemctl', 'restart', 'holdfast'])
    await serves()
    const pid = (await machine.must(['systemctl', 'show', '-P', 'MainPID', 'holdfast'])).trim()
    expect(await machine.must(['cat', `/proc/${pid}/environ`])).not.toContain('a-token-of')
    expect(await machine.must(['cat', `/proc/${pid}/cmdline`])).not.toContain('a-token-of')
    expect(await journal()).not.toContain('a-token-of')
    expect(await journal()).not.toContain(password)
  })

  it('its etcd runs within the bounds of the service', async () => {
    const override = '/run/systemd/system/holdfast.service.d'
    await machine.must(['systemctl', 'stop', 'holdfast-443.socket', 'holdfast.service'])
    await machine.must(['mkdir', '-p', override])
    await machine.must(['tee', `${override}/etcd.conf`], { input: etcdOnly })
    await machine.must(['systemctl', 'daemon-reload'])
    await machine.must(['systemctl', 'reset-failed', 'holdfast'])
    await machine.must(['systemctl', 'start', 'holdfast'])
    const health = 'exec 3<>/dev/tcp/127.0.0.1/2379; printf "GET /health HTTP/1.0\\r\\n\\r\\n" >&3; cat <&3'
    await until('etcd is healthy', async () =>
      (await machine.run(['bash', '-c', health])).stdout.includes('"health":"true"'),
    )
    await machine.must(['rm', '-r', override, `${data}/etcd-trial`])
    await machine.must(['systemctl', 'daemon-reload'])
    await machine.must(['systemctl', 'stop', 'holdfast'])
    await machine.must(['systemctl', 'start', 'holdfast-443.socket', 'holdfast'])
    await serves()
  })

  it('becomes the first member of a cluster within those bounds', async () => {
    const made = await holdfast('cluster', 'create', '--address', '127.0.0.1')
    expect(made).toContain('first member of a cluster, at 127.0.0.1')
    expect(await holdfast('send', 'traffic', 'said to a cluster')).toBe('2\n')
    const status = JSON.parse(await holdfast('cluster', 'status', '--json'))
    expect(status).toMatchObject({ mode: 'cluster', writable: true })
  })

  it('is updated in place, and keeps its settings and its data when it is removed', async () => {
    await machine.must(['tee', '-a', '/etc/default/holdfast'], { input: 'HOLDFAST_LOG_LEVEL=debug\n' })
    await machine.must(['dpkg', '--install', '--force-confold', '/root/holdfast.deb'])
    await serves()
    expect(await machine.must(['cat', '/etc/default/holdfast'])).toContain('LOG_LEVEL=debug')
    expect(await holdfast('tail', 'traffic', '--since', '0', '--no-follow')).toContain('Aurelia Star abeam')

    await machine.must(['dpkg', '--remove', 'holdfast'])
    expect(await active()).not.toBe('active')
    expect(await machine.must(['dpkg', '--purge', 'holdfast'])).toContain('were kept')
    expect(existsSync(join(machine.root, 'var/lib/holdfast/cluster.db'))).toBe(true)
    expect(existsSync(join(machine.root, 'etc/default/holdfast'))).toBe(false)
    const left = await run(['find', join(machine.root, 'usr'), '-name', '*holdfast*'])
    expect(left.stdout).toBe('')
  })

  it('shuts down in order with the machine', async () => {
    await machine.must(['dpkg', '--install', '/root/holdfast.deb'])
    await serves()
    await machine.shutDown()
    expect(existsSync(join(machine.root, 'var/lib/holdfast/cluster.db-wal'))).toBe(false)
  })
})
