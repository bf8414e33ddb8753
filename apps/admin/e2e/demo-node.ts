/** The demo for the specs that need a facility full of people. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Credentials } from './calls.ts'

const holdfast = resolve(import.meta.dirname, '../../../bin/holdfast')

export interface DemoNode extends AsyncDisposable, Credentials {
  readonly url: string
}

/** Starts `holdfast demo` on a free port. @throws Error with what it printed when it ends before it serves */
export async function startDemo(): Promise<DemoNode> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-demo-'))
  const child = spawn(holdfast, ['demo', '--json', '--port', '0', '--data', join(folder, 'data')], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<void>((done) => child.once('exit', () => done()))
  let complaints = ''
  child.stderr.on('data', (chunk: Buffer) => {
    complaints += chunk.toString()
  })
  const firstLine = new Promise<string>((done, fail) => {
    createInterface({ input: child.stdout }).once('line', done)
    child.once('exit', (code) => fail(new Error(`The demo ended with ${code}:\n${complaints}`)))
  })
  const { url, name, password }: { url: string } & Credentials = JSON.parse(await firstLine)
  return {
    url,
    name,
    password,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}
