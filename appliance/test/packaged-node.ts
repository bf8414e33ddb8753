/** A node on a Debian machine with the package, handled as its installer does. */
import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DebianMachine, type Suite, until } from './debian-machine.ts'
import { must, pinnedNode, repoRoot } from './programs.ts'

export const data = '/var/lib/holdfast'
export const password = 'correct horse battery staple 7'
const ownerOnly = 0o600
const packageFile = '/root/holdfast.deb'
const passwordFile = '/root/pw'

/** Builds the package below `folder`. @returns its path */
export async function buildPackage(folder: string, name = 'package'): Promise<string> {
  const [out, work] = [join(folder, name), join(folder, `${name}-work`)]
  const builder = join(repoRoot, 'scripts/appliance.mjs')
  await must(['nice', pinnedNode, builder, 'deb', '--out', out, '--work', work])
  return join(out, readdirSync(out)[0] ?? '')
}

export class PackagedNode implements AsyncDisposable {
  readonly machine: DebianMachine

  private constructor(machine: DebianMachine) {
    this.machine = machine
  }

  /**
   * A fresh machine that is up and has the package as a file, not installed yet.
   * @param options.network path of a network namespace; without one there is loopback only
   * @param options.settings what is in /etc/default/holdfast before
   */
  static async boot(
    suite: Suite,
    file: string,
    options: { network?: string; settings?: string } = {},
  ): Promise<PackagedNode> {
    const node = new PackagedNode(await DebianMachine.install(suite))
    node.put(file, packageFile)
    if (options.settings !== undefined) node.write('/etc/default/holdfast', options.settings, 0o644)
    await node.machine.boot(options.network)
    return node
  }

  /** Where this machine sees a file of that one. */
  path(inside: string): string {
    return join(this.machine.root, inside)
  }

  put(file: string, inside: string): void {
    copyFileSync(file, this.path(inside))
  }

  write(inside: string, text: string, mode = ownerOnly): void {
    mkdirSync(dirname(this.path(inside)), { recursive: true })
    writeFileSync(this.path(inside), text, { mode })
  }

  async install(): Promise<void> {
    await this.machine.must(['dpkg', '--install', '--force-confold', packageFile])
  }

  async installed(): Promise<string> {
    const status = await this.machine.must(['dpkg-query', '--status', 'holdfast'])
    return /^Version: (.*)$/m.exec(status)?.[1] ?? ''
  }

  /** The command, as root. */
  async holdfast(...args: string[]): Promise<string> {
    return await this.machine.must(['holdfast', ...args])
  }

  /** Sets the node up on the command line, as a facility with an owner. */
  async setUp(name: string): Promise<void> {
    await this.machine.must(['systemctl', 'stop', 'holdfast'])
    this.write(passwordFile, password)
    await this.machine.must(['install', '-o', 'holdfast', '-m', '600', passwordFile, `${data}/pw`])
    const facility = ['--facility', 'Port of Kaldvik', '--node', name, '--admin', 'ingrid']
    await this.machine.must([
      ...['runuser', '-u', 'holdfast', '--', 'holdfast', 'init', '--data', data],
      ...[...facility, '--admin-password-file', `${data}/pw`],
    ])
    await this.machine.must(['rm', `${data}/pw`])
  }

  async startOnPort443(): Promise<void> {
    await this.machine.must(['systemctl', 'enable', '--now', 'holdfast-443.socket'])
    await this.machine.must(['systemctl', 'start', 'holdfast'])
  }

  /** Signs the owner in, who compares the fingerprint of the CA with the journal's. */
  async login(url: string): Promise<void> {
    const fingerprint = await this.journalLine(/CA fingerprint\s+(\S+)/)
    const who = ['--url', url, '--user', 'ingrid', '--password-file', passwordFile]
    await this.holdfast('login', ...who, '--fingerprint', fingerprint)
  }

  async health() {
    return await this.machine.run(['runuser', '-u', 'holdfast', '--', 'holdfast', 'health', '--data', data])
  }

  async serves(): Promise<void> {
    await until('the node serves', async () => (await this.health()).code === 0)
  }

  /** What the service wrote; the journal may still be on its way when the service has started. */
  async journal(): Promise<string> {
    await this.machine.must(['journalctl', '--sync'])
    return await this.machine.must(['journalctl', '-u', 'holdfast', '-o', 'cat', '--no-pager'])
  }

  /** @returns what the expression's group finds in the journal */
  async journalLine(expression: RegExp): Promise<string> {
    const found = expression.exec(await this.journal())?.[1]
    if (found === undefined) throw new Error(`the journal of the service has nothing like ${expression}`)
    return found
  }

  /**
   * A bundle of the package under another version, put on the machine.
   * @param flags further flags of make-package-release.mjs
   */
  async takeBundle(
    version: string,
    made: { folder: string; deb: string },
    ...flags: string[]
  ): Promise<string> {
    const to = join(made.folder, 'releases')
    const maker = join(repoRoot, 'appliance/test/make-package-release.mjs')
    await must(['nice', pinnedNode, maker, version, to, '--deb', made.deb, ...flags])
    const name = `holdfast-${version}.raucb`
    this.put(join(to, name), `/root/${name}`)
    rmSync(join(to, name))
    return `/root/${name}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.machine[Symbol.asyncDispose]()
  }
}
