import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readEnvironment } from './env.ts'
import { loadConfig } from './load-config.ts'
import { renderSettingsDoc, settingsDocPath } from './settings-doc.ts'

let dataDir = ''
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'holdfast-config-'))
})
afterEach(() => rm(dataDir, { recursive: true }))

const settingsFile = (text: string) => writeFile(join(dataDir, 'holdfast.json'), text)
const load = (variables: Record<string, string> = {}, flags = {}) =>
  loadConfig({ flags: { dataDir, ...flags }, variables })

test('defaults, then file, then variables, then flags', async () => {
  expect(await load()).toMatchObject({ dataDir, port: 7443, host: '::', logLevel: 'info', publicNames: [] })
  await settingsFile('{"port": 1001, "host": "10.0.0.1", "logLevel": "warn"}')
  expect(await load()).toMatchObject({ port: 1001, host: '10.0.0.1' })
  expect(await load({ HOLDFAST_PORT: '1002' })).toMatchObject({ port: 1002, host: '10.0.0.1' })
  expect(await load({ HOLDFAST_PORT: '1002' }, { port: 1003, host: undefined })).toMatchObject({
    port: 1003,
    host: '10.0.0.1',
    logLevel: 'warn',
  })
})

test('lists in variables are written with commas', async () => {
  const config = await load({ HOLDFAST_PUBLIC_NAMES: 'node1.local, 10.0.0.5,' })
  expect(config.publicNames).toEqual(['node1.local', '10.0.0.5'])
})

test('the data folder may come from its variable, and becomes absolute', async () => {
  const config = await loadConfig({ flags: {}, variables: { HOLDFAST_DATA: './some/data' } })
  expect(config.dataDir).toBe(join(process.cwd(), 'some/data'))
})

test.each<[string, Record<string, string>, string]>([
  ['a port that is no number', { HOLDFAST_PORT: 'https' }, 'port (from HOLDFAST_PORT)'],
  ['a port out of range', { HOLDFAST_PORT: '70000' }, 'port (from HOLDFAST_PORT)'],
  ['a negative port', { HOLDFAST_PORT: '-1' }, 'port (from HOLDFAST_PORT)'],
  ['an unknown level', { HOLDFAST_LOG_LEVEL: 'loud' }, 'logLevel (from HOLDFAST_LOG_LEVEL)'],
  ['an unknown variable', { HOLDFAST_PROT: '1' }, 'HOLDFAST_PROT is not a setting'],
])('%s stops the start with one line that names it', async (_, variables, message) => {
  const error = await load(variables).then(
    () => null,
    (e: Error) => e,
  )
  expect(error?.name).toBe('ConfigError')
  expect(error?.message).toContain(message)
  expect(error?.message).not.toContain('\n')
})

test.each([
  ['{"port": "7443"}', 'port (from '],
  ['{"publicNames": ["ok", 7]}', 'publicNames, entry 1 (from '],
  ['{"prot": 1}', 'unknown setting "prot"'],
  ['{"dataDir": "/x"}', 'cannot set dataDir'],
  ['[]', 'one JSON object'],
  ['{', 'is not JSON'],
])('a settings file with %s stops the start and is named', async (text, message) => {
  await settingsFile(text)
  await expect(load()).rejects.toThrow(message)
  await expect(load()).rejects.toThrow(join(dataDir, 'holdfast.json'))
})

test('a missing data folder says how to give one', async () => {
  await expect(loadConfig({ flags: {}, variables: {} })).rejects.toThrow(
    'give --data DIR or set HOLDFAST_DATA',
  )
})

test('the environment: ours, credentials, watchdog; not what Kubernetes adds', () => {
  const environment = readEnvironment({
    HOLDFAST_PORT: 'tcp://10.0.0.1:7443',
    HOLDFAST_SERVICE_HOST: '10.0.0.1',
    HOLDFAST_PORT_7443_TCP_ADDR: '10.0.0.1',
    HOLDFAST_HOST: '127.0.0.1',
    HOLDFAST_LOG_LEVEL: '',
    PATH: '/bin',
    WATCHDOG_USEC: '30000000',
    WATCHDOG_PID: String(process.pid),
  })
  expect(environment).toMatchObject({
    holdfast: { HOLDFAST_HOST: '127.0.0.1' },
    watchdogMs: 30_000,
    notifySocket: null,
  })
  expect(readEnvironment({ WATCHDOG_USEC: '1000', WATCHDOG_PID: '1' }).watchdogMs).toBeNull()
})

test('sockets of the service manager are taken by the process they are meant for, up to a bound', () => {
  const own = { LISTEN_PID: String(process.pid) }
  const taken = (LISTEN_FDS: string, pid: object = own) =>
    readEnvironment({ ...pid, LISTEN_FDS }).listeningSockets
  expect(taken('2')).toEqual([3, 4])
  expect(taken('1000000')).toHaveLength(16)
  for (const nothing of ['0', '-1', '1.5', 'x', '']) expect(taken(nothing)).toEqual([])
  expect(taken('1', { LISTEN_PID: '1' })).toEqual([])
  expect(readEnvironment({ LISTEN_FDS: '1' }).listeningSockets).toEqual([])
})

test('a credential of the service manager names its file, unless a variable does', async () => {
  const environment = { CREDENTIALS_DIRECTORY: dataDir }
  expect(readEnvironment(environment).holdfast).toEqual({})
  const file = join(dataDir, 'metrics-token')
  await writeFile(file, 'abc')
  expect(await load(readEnvironment(environment).holdfast)).toMatchObject({ metricsTokenFile: file })
  const other = { ...environment, HOLDFAST_METRICS_TOKEN_FILE: '/elsewhere' }
  expect(readEnvironment(other).holdfast).toEqual({ HOLDFAST_METRICS_TOKEN_FILE: '/elsewhere' })
})

test('docs/reference/settings.md is current', async () => {
  const written = await readFile(settingsDocPath, 'utf8')
  expect(written, 'run: node apps/node/src/config/settings-doc.ts').toBe(renderSettingsDoc())
})

test('the address for other nodes is a public name too, once', async () => {
  const names = async (variables: Record<string, string>) => (await load(variables)).publicNames
  expect(await names({ HOLDFAST_CLUSTER_ADDRESS: 'node-1.lan' })).toEqual(['node-1.lan'])
  const both = { HOLDFAST_CLUSTER_ADDRESS: 'b', HOLDFAST_PUBLIC_NAMES: 'a,b' }
  expect(await names(both)).toEqual(['a', 'b'])
  expect(await names({ HOLDFAST_PUBLIC_NAMES: 'a' })).toEqual(['a'])
})
