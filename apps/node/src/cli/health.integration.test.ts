import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Daemon, holdfast, keepQuiet } from '../../test/node-process.ts'

test('health tells a node that serves from one that does not, and from somebody else on its port', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'holdfast-health-'))
  const otherDir = await mkdtemp(join(tmpdir(), 'holdfast-health-'))
  for (const folder of [dataDir, otherDir]) keepQuiet(folder)
  const daemon = new Daemon(dataDir, ['--port', '0'])
  const other = new Daemon(otherDir, ['--port', '0'])
  const health = (port: number, folder = dataDir) =>
    holdfast(['health', '--port', String(port)], { env: { HOLDFAST_DATA: folder } })
  try {
    await Promise.all([daemon.started(), other.started()])
    expect(await health(daemon.port)).toMatchObject({ code: 0, stdout: 'The node serves.\n' })

    const foreign = await health(other.port)
    expect(foreign.code).toBe(1)
    expect(foreign.stderr).toMatch(/^holdfast: The node does not answer on 127\.0\.0\.1 port \d+ \(.+\)/)

    await daemon.end('SIGKILL')
    const gone = await health(daemon.port)
    expect(gone).toMatchObject({ code: 1, stdout: '' })
    expect(gone.stderr).toContain('ECONNREFUSED')

    const never = await health(other.port, join(otherDir, 'none'))
    expect(never).toMatchObject({ code: 1, stdout: '' })
    expect(never.stderr).toMatch(/^holdfast: There is no .+ca\.pem: name the folder/)

    await writeFile(join(dataDir, 'secrets/ca.pem'), 'nothing')
    expect((await health(other.port)).stderr).toContain('holds no certificate')
    expect((await health(70_000)).code).toBe(2)
  } finally {
    await Promise.all([daemon.end('SIGKILL'), other.end('SIGKILL')])
    for (const folder of [dataDir, otherDir]) await rm(folder, { recursive: true, force: true })
  }
})
