import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findEtcd } from './etcd-binary.ts'

let root: string
let system: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-etcd-'))
  system = join(root, 'system/etcd')
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

describe('a configured etcd', () => {
  it('is used, of every accepted release', () => {
    for (const version of ['3.5.13', '3.5.16', '3.5.99']) {
      const path = program('own/etcd', version)
      expect(findEtcd(path)).toEqual({ path, version })
    }
  })

  it('is refused with one line when its release is not accepted, and nothing else is taken for it', () => {
    program('system/etcd', '3.5.16')
    for (const version of ['3.4.23', '3.5.12', '3.6.0', '4.0.0', '13.5.16']) {
      const path = program('own/etcd', version)
      const message = refusal(() => findEtcd(path, { moduleFolder: root, system }))
      expect(message).toContain(`${path} is ${version}`)
      expect(message).toContain('3.5.13')
    }
  })

  it('is refused with its reason when it is missing, no program, or says something else', () => {
    expect(refusal(() => findEtcd(join(root, 'none')))).toContain('ENOENT')
    writeFileSync(join(root, 'text'), 'etcd')
    expect(refusal(() => findEtcd(join(root, 'text')))).toContain('EACCES')
    const other = script('other', 'echo hello')
    expect(refusal(() => findEtcd(other))).toContain('does not say its version')
  })
})

describe('without a configured one', () => {
  const layouts = {
    sources: 'checkout/apps/node/src/log/etcd',
    bundle: 'checkout/apps/node/dist/bundle',
  }

  it.each(Object.entries(layouts))('the newest that set-up fetched is found from the %s', (_, folder) => {
    program('checkout/bin/holdfast', '0')
    program('checkout/.tools/etcd/3.5.9/etcd', '3.5.9')
    program('checkout/.tools/etcd/3.5.14/etcd', '3.5.14')
    const path = program('checkout/.tools/etcd/3.5.16/etcd', '3.5.16')
    program('system/etcd', '3.5.20')
    expect(look(folder)).toEqual({ path, version: '3.5.16' })
  })

  it('the one of an installation is found, and before it the one beside the bundle', () => {
    program('usr/bin/holdfast', '0')
    const installed = program('usr/lib/holdfast/etcd/etcd', '3.5.16')
    expect(look('usr/lib/holdfast/app/bundle').path).toBe(installed)
    const beside = program('usr/lib/holdfast/app/bundle/etcd', '3.5.17')
    expect(look('usr/lib/holdfast/app/bundle').path).toBe(beside)
  })

  it('one that is too old is passed over for the system’s', () => {
    program('checkout/bin/holdfast', '0')
    program('checkout/.tools/etcd/3.4.23/etcd', '3.4.23')
    const path = program('system/etcd', '3.5.16')
    expect(look(layouts.bundle)).toEqual({ path, version: '3.5.16' })
  })

  it('nothing above the program’s own folder is run', () => {
    program('checkout/bin/holdfast', '0')
    program('.tools/etcd/3.5.16/etcd', '3.5.16')
    program('lib/holdfast/etcd/etcd', '3.5.16')
    expect(refusal(() => look(layouts.sources))).toContain('there is none on this machine')
    expect(refusal(() => look('elsewhere/deep/down'))).toContain('there is none on this machine')
  })

  it('what was found and does not fit is named, with the remedy', () => {
    program('system/etcd', '3.4.23')
    const message = refusal(() => look('elsewhere'))
    expect(message).toContain(`${system} is 3.4.23`)
    expect(message).toContain('install etcd-server of Debian 13')
  })
})

function look(folder: string) {
  const moduleFolder = join(root, folder)
  mkdirSync(moduleFolder, { recursive: true })
  return findEtcd(null, { moduleFolder, system })
}

function program(path: string, version: string): string {
  return script(path, `[ "$1" = --version ] && echo "etcd Version: ${version}" && echo "Git SHA: none"`)
}

function script(path: string, text: string): string {
  const file = join(root, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `#!/bin/sh\n${text}\n`)
  chmodSync(file, 0o755)
  return file
}

function refusal(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    const { name, message } = error as Error
    expect(name).toBe('EtcdBinaryError')
    expect(message).not.toContain('\n')
    return message
  }
  throw new Error('nothing was refused')
}
