/** The Debian package of the product, through dpkg. No mirror is asked. */
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type RunTool, ToolError } from './tools.ts'

const name = 'holdfast'
/** Unpacking on a slow disk. */
const dpkgTimeoutMs = 10 * 60_000
/** apt may be at work; whoever waits longer is told so. */
const lockTries = 60
const lockAgainMs = 5_000
/** The maintainer scripts leave starting and stopping to whoever sets it. */
const byUpdater = { HOLDFAST_UPDATE: '1', DEBIAN_FRONTEND: 'noninteractive' }

export class DebianPackage {
  readonly #run: RunTool

  constructor(run: RunTool) {
    this.#run = run
  }

  /** Version of what is installed whole; null when it is not, as in the middle of an installation that was cut off. */
  async installed(): Promise<string | null> {
    try {
      const status = await this.#run('dpkg-query', ['--status', name])
      // Wanted, without an error, installed (dpkg-query(1), "Package status").
      if (!/^Status: install ok installed$/m.test(status)) return null
      return /^Version: (.+)$/m.exec(status)?.[1] ?? null
    } catch (error) {
      if (error instanceof ToolError) return null
      throw error
    }
  }

  /** Installs a package over whatever there is, an older one too. @throws ToolError */
  async install(file: string): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#run('dpkg', ['--install', '--force-confold', '--force-downgrade', file], {
          timeoutMs: dpkgTimeoutMs,
          env: byUpdater,
        })
        return
      } catch (error) {
        const locked = error instanceof ToolError && /lock/i.test(error.output)
        if (!locked || tries === lockTries) throw error
        await sleep(lockAgainMs)
      }
    }
  }

  /**
   * Makes a package of what is installed: the way back, where nobody kept the file.
   * @param work folder for its tree, removed afterwards
   * @throws ToolError; Error when a file is not as it was installed
   */
  async pack(file: string, work: string): Promise<void> {
    await this.#assertUnchanged()
    rmSync(work, { recursive: true, force: true })
    const control = join(work, 'DEBIAN')
    mkdirSync(control, { recursive: true, mode: 0o755 })
    try {
      const listed = (await this.#run('dpkg-query', ['--listfiles', name])).split('\n')
      // Some machines leave manuals and documents out (dpkg.cfg, path-exclude).
      const there = listed.filter((path) => path !== '' && path !== '/.' && existsSync(path))
      for (const path of there) cpSync(path, join(work, path), copyAsItIs(path))
      for (const each of (await this.#run('dpkg-query', ['--control-list', name]))
        .split('\n')
        .filter(Boolean)) {
        const from = (await this.#run('dpkg-query', ['--control-path', name, each])).trim()
        cpSync(from, join(control, basename(each)), { preserveTimestamps: true })
      }
      const status = await this.#run('dpkg-query', ['--status', name])
      writeFileSync(join(control, 'control'), controlOf(status))
      await this.#run('dpkg-deb', ['--root-owner-group', '-Zgzip', '-z1', '--build', work, file], {
        timeoutMs: dpkgTimeoutMs,
      })
    } finally {
      rmSync(work, { recursive: true, force: true })
    }
  }

  /** Whether a file is a whole package of this version. */
  async is(file: string, version: string): Promise<boolean> {
    if (!existsSync(file)) return false
    try {
      return (await this.#run('dpkg-deb', ['--field', file, 'Version'])).trim() === version
    } catch (error) {
      if (error instanceof ToolError) return false
      throw error
    }
  }

  async #assertUnchanged(): Promise<void> {
    const shown = await this.#run('dpkg', ['--verify', name])
    // `c`: settings, which are the machine's own; documents may be left out.
    const changed = shown
      .split('\n')
      .filter((line) => line !== '' && !/^\S+ +c /.test(line) && !line.includes('/usr/share/'))
    if (changed.length > 0)
      throw new Error(
        `Files of the installed package are not as they were installed (${changed[0]?.trim()}); install the package of this version again first.`,
      )
  }
}

/** Folders come empty, their files each by itself; links stay links. */
function copyAsItIs(path: string) {
  return {
    recursive: true,
    preserveTimestamps: true,
    verbatimSymlinks: true,
    filter: (from: string) => from === path,
  }
}

/** What dpkg knows of an installed package, without what it added itself. */
function controlOf(status: string): string {
  const fields = status.trimEnd().split(/\n(?! )/)
  return `${fields.filter((field) => !/^(Status|Conffiles|Config-Version):/.test(field)).join('\n')}\n`
}
