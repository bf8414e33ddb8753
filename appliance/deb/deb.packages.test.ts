import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DebianMachine, type Suite, until } from '../test/debian-machine.ts'
import { buildPackage, data, PackagedNode, password } from '../test/packaged-node.ts'
import { cacheFolder, must, needs, run } from '../test/programs.ts'
import { findSecrets } from '../test/secrets.ts'

/** Highest exposure that `systemd-analyze security` may show for the service; 10 is no protection at all. */
const maxExposure = 1.5
const etcdOnly = `[Service]
Type=simple
WatchdogSec=0
ExecStart=
ExecStart=/usr/bin/setpriv --pdeathsig KILL /usr/lib/holdfast/etcd/etcd --data-dir ${data}/etcd-trial --log-level error
`

let folder: string
let file: string

beforeAll(async () => {
  mkdirSync(cacheFolder, { recursive: true })
  folder = mkdtempSync(join(cacheFolder, 'deb-'))
  file = await buildPackage(folder)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the package', () => {
  it('is the same, byte by byte, when it is built again elsewhere', async () => {
    const again = await buildPackage(folder, 'again')
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

  it('has a handbook whose every link leads to a page that is there', async () => {
    const tree = join(folder, 'handbook')
    await must(['dpkg-deb', '--extract', file, tree])
    const docs = join(tree, 'usr/share/doc/holdfast')
    const pages = readdirSync(docs, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.md'),
    )
    expect(pages).toContain('operating/install-debian.md')
    const dangling = pages.flatMap((page) =>
      [...readFileSync(join(docs, page), 'utf8').matchAll(/\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)]
        .map(([, to]) => to as string)
        .filter((to) => !existsSync(join(docs, dirname(page), to)))
        .map((to) => `${page}: ${to}`),
    )
    expect(dangling).toEqual([])
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
  let node: PackagedNode
  let machine: DebianMachine
  const holdfast = (...args: string[]) => node.holdfast(...args)
  const active = async () => (await machine.run(['systemctl', 'is-active', 'holdfast'])).stdout.trim()
  const pid = async () => (await machine.must(['systemctl', 'show', '-P', 'MainPID', 'holdfast'])).trim()
  /** A state between two processes may be over before anybody looks. */
  const replaced = (old: string) =>
    until('another process serves', async () => !['0', old].includes(await pid()))

  beforeAll(async () => {
    node = await PackagedNode.boot(suite, file)
    machine = node.machine
  })
  afterAll(() => node?.[Symbol.asyncDispose]())

  it('installs without a network, starts, tells systemd so, and shows its set-up code', async () => {
    await node.install()
    expect(await active()).toBe('active')
    expect(await machine.must(['systemctl', 'show', 'holdfast', '-p', 'StatusText'])).toContain(
      'serves https',
    )
    expect(await node.journal()).toMatch(/CA fingerprint\s+[0-9A-F:]{95}\n\s+Set-up code\s+\S+/)
    expect((await node.health()).stdout).toBe('The node serves.\n')
    expect(await machine.must(['stat', '-c', '%a %U', data])).toBe('700 holdfast\n')
    await machine.must(['systemctl', 'is-enabled', 'holdfast'])
  })

  it('is as closed as it can be', async () => {
    const shown = await machine.must(['systemd-analyze', 'security', '--no-pager', 'holdfast'])
    const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(shown)?.[1])
    expect(exposure).toBeLessThanOrEqual(maxExposure)
  })

  it('is set up on the command line, keeps a message over restart and crash, and answers on port 443', async () => {
    await node.setUp('kaldvik-1')
    await node.startOnPort443()
    await node.login('https://localhost:443')
    await holdfast('channel', 'create', 'traffic', '--kind', 'group')
    expect(await holdfast('send', 'traffic', 'Aurelia Star abeam')).toBe('1\n')

    await machine.must(['systemctl', 'restart', 'holdfast'])
    expect(await holdfast('tail', 'traffic', '--since', '0', '--no-follow')).toContain('Aurelia Star abeam')
    const killed = await pid()
    await machine.must(['systemctl', 'kill', '--signal=KILL', 'holdfast'])
    await replaced(killed)
    await node.serves()
    expect(await holdfast('tail', 'traffic', '--since', '0', '--no-follow')).toContain('Aurelia Star abeam')
  })

  it('a node that hangs is ended by the watchdog and started again', async () => {
    const override = '/run/systemd/system/holdfast.service.d'
    await machine.must(['mkdir', '-p', override])
    await machine.must(['tee', `${override}/short.conf`], { input: '[Service]\nWatchdogSec=3\n' })
    await machine.must(['systemctl', 'daemon-reload'])
    await machine.must(['systemctl', 'restart', 'holdfast'])
    const hung = await pid()
    await machine.must(['sh', '-c', `kill -STOP ${hung}`])
    await replaced(hung)
    await node.serves()
    expect(await node.journal()).toMatch(/watchdog/i)
    await machine.must(['rm', '-r', override])
    await machine.must(['systemctl', 'daemon-reload'])
  })

  it('takes a token for metrics from the credential store', async () => {
    node.write('/etc/credstore/metrics-token', 'a-token-of-the-facility-1234567890')
    await machine.must(['systemctl', 'restart', 'holdfast'])
    await node.serves()
    const process = await pid()
    for (const file of ['environ', 'cmdline'])
      expect(await machine.must(['cat', `/proc/${process}/${file}`])).not.toContain('a-token-of')
    expect(await node.journal()).not.toContain('a-token-of')
    expect(await node.journal()).not.toContain(password)
  })

  it('writes backups to another disk when it is let through to it, and says so before', async () => {
    await holdfast('backup', 'key', 'create', '--out', '/root/recovery.key')
    await machine.must(['install', '-d', '-o', 'holdfast', '-g', 'holdfast', '-m', '700', '/srv/backups'])
    await machine.must(['tee', '-a', '/etc/default/holdfast'], {
      input: 'HOLDFAST_BACKUP_DIR=/srv/backups\n',
    })
    await machine.must(['systemctl', 'restart', 'holdfast'])
    const refused = await machine.run(['holdfast', 'backup', 'create'])
    expect(refused.code).not.toBe(0)
    expect(refused.stdout + refused.stderr).toContain('The node may not write to /srv/backups (EROFS)')
    const override = '/etc/systemd/system/holdfast.service.d'
    await machine.must(['mkdir', '-p', override])
    const input = '[Service]\nReadWritePaths=/srv/backups\n'
    await machine.must(['tee', `${override}/backups.conf`], { input })
    await machine.must(['systemctl', 'daemon-reload'])
    await machine.must(['systemctl', 'restart', 'holdfast'])
    await holdfast('backup', 'create')
    const [made] = readdirSync(node.path('/srv/backups'))
    await holdfast('backup', 'verify', `/srv/backups/${made}`)
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
    await node.serves()
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
    await node.install()
    await node.serves()
    expect(await machine.must(['cat', '/etc/default/holdfast'])).toContain('LOG_LEVEL=debug')
    expect(await holdfast('tail', 'traffic', '--since', '0', '--no-follow')).toContain('Aurelia Star abeam')

    await machine.must(['dpkg', '--remove', 'holdfast'])
    expect(await active()).not.toBe('active')
    expect(await machine.must(['dpkg', '--purge', 'holdfast'])).toContain('were kept')
    expect(existsSync(node.path(`${data}/cluster.db`))).toBe(true)
    expect(existsSync(node.path('/etc/default/holdfast'))).toBe(false)
    const left = await run(['find', node.path('/usr'), '-name', '*holdfast*'])
    expect(left.stdout).toBe('')
  })

  it('shuts down in order with the machine', async () => {
    await node.install()
    await node.serves()
    await machine.shutDown()
    expect(existsSync(node.path(`${data}/cluster.db-wal`))).toBe(false)
  })
})
