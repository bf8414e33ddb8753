import { expect, test } from 'vitest'
import { runTool } from './tools.ts'

const shell = (script: string, timeoutMs?: number) =>
  runTool('sh', ['-c', script], timeoutMs === undefined ? {} : { timeoutMs })

test('what a program prints is handed back', async () => {
  expect(await shell('echo done')).toBe('done\n')
})

test.each([
  [
    'what it said, not the command line that failed',
    'echo "Cannot connect to the Docker daemon." >&2; exit 1',
    'Cannot connect to the Docker daemon.',
  ],
  ['the line with the error', 'echo reading >&2; echo "error: no room" >&2; exit 1', 'error: no room'],
  ['what it printed, when it wrote no errors', 'echo "LastError: no slot"; exit 1', 'LastError: no slot'],
  ['errors before output', 'echo "all is well"; echo "it is not" >&2; exit 1', 'it is not'],
  ['the command when it said nothing', 'exit 3', 'Command failed: sh -c exit 3'],
])('regression: a failure tells %s', async (_, script, reason) => {
  await expect(shell(script)).rejects.toMatchObject({ message: `sh failed: ${reason}` })
})

test('a program that is missing, or that does not end, is named', async () => {
  await expect(runTool('holdfast-none', [])).rejects.toThrow(
    'holdfast-none failed: spawn holdfast-none ENOENT',
  )
  await expect(shell('echo begun; exec sleep 60', 100)).rejects.toThrow(
    'sh failed: it did not end within 0.1 s',
  )
})
