/** What the doctor finds on a machine that is not well. */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect, test } from 'vitest'
import { runCommand } from '../../test/command.ts'
import { sharedNode } from '../../test/harness.ts'

const shared = sharedNode()
const faketime = `/usr/lib/${{ x64: 'x86_64', arm64: 'aarch64' }[process.arch as string]}-linux-gnu/faketime/libfaketime.so.1`
const wrongOf = async (args: string[], env: Record<string, string> = {}) => {
  const { code, out } = await runCommand(['doctor', ...args, '--json'], { env })
  const findings = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { check: string; level: string; found: string })
  return { code, wrong: findings.filter((finding) => finding.level === 'wrong') }
}

test('names a port that another program has', async () => {
  const other = createServer().listen(0)
  await once(other, 'listening')
  const port = String((other.address() as AddressInfo).port)
  const { code, wrong } = await wrongOf(['--port', port])
  other.close()
  expect({ code, wrong }).toMatchObject({
    code: 1,
    wrong: [{ check: `port ${port}/tcp`, found: expect.stringContaining('no Holdfast node') }],
  })
})

test('notices a clock from before the program, and one that is behind what is stored', async () => {
  const at = (FAKETIME: string) => ({ LD_PRELOAD: faketime, FAKETIME })
  const port = ['--port', String(shared.node.port)]
  expect(await wrongOf(port, at('-20y'))).toMatchObject({
    code: 1,
    wrong: [{ check: 'clock', found: expect.stringContaining('before this program was made') }],
  })
  const behind = await wrongOf([...port, '--data', shared.node.dataDir], at('-2h'))
  expect(behind).toMatchObject({
    code: 1,
    wrong: expect.arrayContaining([
      expect.objectContaining({
        check: 'clock',
        found: expect.stringContaining('the newest event of this node'),
      }),
    ]),
  })
})
