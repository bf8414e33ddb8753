import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { configKeys, configSchema, variableName } from '../../apps/node/src/config/config.ts'
import { loadConfig } from '../../apps/node/src/config/load-config.ts'
import { cacheFolder, must, pinnedNode, repoRoot, run } from '../test/programs.ts'

const chart = join(import.meta.dirname, 'holdfast')
const digest = `sha256:${'0123456789abcdef'.repeat(4)}`
const token = 'a-token-of-the-facility-1234567890'
const image = ['--set', `image.digest=${digest}`]
const full = [
  ...['--set', 'replicas=5', '--set', `metrics.token=${token}`, '--set', 'service.type=LoadBalancer'],
  ...['--set', 'publicNames={chat.example.lan,10.20.0.5}', '--set', 'antiAffinity=preferred'],
  ...['--set', 'settings.logLevel=debug', '--set', 'settings.maxConnectionsPerAddress=5000'],
  ...['--set', 'persistence.storageClass=local', '--set', 'priorityClassName=facility'],
  ...['--set', 'nodeSelector.disk=ssd', '--set-json', 'tolerations=[{"operator":"Exists"}]'],
  ...['--set-json', 'networkPolicy.clients=[{"ipBlock":{"cidr":"10.0.0.0/8"}}]'],
  ...['--set-json', 'networkPolicy.dns={"peers":[{"ipBlock":{"cidr":"169.254.20.10/32"}}],"port":5353}'],
  ...['--set-json', 'image.pullSecrets=[{"name":"own-registry"}]', '--set', 'podAnnotations.team=a'],
  ...['--set-string', 'service.annotations.pool=lan', '--set', 'backups.existingClaim=shelf'],
]
const variants: Record<string, string[]> = { one: [], three: ['--set', 'replicas=3'], full }

// biome-ignore lint/suspicious/noExplicitAny: manifests are read here and there; their types are checked as a whole below
type Manifest = any

let helm: string
let folder: string

beforeAll(async () => {
  const find = `import(${JSON.stringify(join(repoRoot, 'appliance/lib/helm.mjs'))}).then(async (m) => console.log('\\n' + (await m.helmProgram())))`
  helm = (await must([pinnedNode, '-e', find])).trim().split('\n').at(-1) ?? ''
  mkdirSync(cacheFolder, { recursive: true })
  folder = mkdtempSync(join(cacheFolder, 'chart-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function render(flags: readonly string[], release = 'harbour'): Promise<Manifest[]> {
  const text = await must([helm, 'template', release, chart, '--namespace', 'sea', ...image, ...flags])
  return parseAllDocuments(text).map((document) => {
    expect(document.errors).toEqual([])
    return document.toJS()
  })
}

const one = (manifests: Manifest[], kind: string, name?: string): Manifest => {
  const found = manifests.filter((each) => each.kind === kind && (!name || each.metadata.name === name))
  expect(found.map((each) => each.metadata.name)).toHaveLength(1)
  return found[0]
}
const podOf = (manifests: Manifest[]) => one(manifests, 'StatefulSet').spec.template.spec

/** What the compiler says of the manifests as values of Kubernetes' types: unknown fields, wrong values. */
async function typeErrors(manifests: Manifest[]): Promise<string> {
  const lines = manifests.flatMap((each, index) => [
    `import type { I${each.kind} as T${index} } from 'kubernetes-models/${each.apiVersion}/${each.kind}'`,
    `export const m${index}: T${index} = ${JSON.stringify(each)}`,
  ])
  const place = mkdtempSync(join(folder, 'types-'))
  writeFileSync(join(place, 'manifests.ts'), `${lines.join('\n')}\n`)
  const options = { strict: true, noEmit: true, module: 'nodenext', skipLibCheck: true, types: [] }
  const project = { compilerOptions: options, files: ['manifests.ts'] }
  writeFileSync(join(place, 'tsconfig.json'), JSON.stringify(project))
  const { code, stdout } = await run([join(repoRoot, 'node_modules/.bin/tsc'), '-p', place], {
    env: { PATH: `${join(pinnedNode, '..')}:${process.env.PATH}` },
  })
  return code === 0 ? stdout : stdout || `tsc ended with ${code}`
}

describe('the check of types', () => {
  it('finds a misspelt field and a wrong value deep inside', async () => {
    const manifests = await render([])
    podOf(manifests).containers[0].imagePulPolicy = 'Never'
    expect(await typeErrors(manifests)).toMatch(/imagePulPolicy/)
    const others = await render([])
    podOf(others).containers[0].ports[0].containerPort = 'https'
    expect(await typeErrors(others)).toMatch(/'string' is not assignable to type 'number'/)
  })
})

describe.each(Object.entries(variants))('the chart with the values "%s"', (_, flags) => {
  it('passes lint --strict', async () => {
    const said = await must([helm, 'lint', '--strict', chart, ...image, ...flags])
    expect(said).toContain('0 chart(s) failed')
  })

  it('renders manifests that Kubernetes’ own schemas and types know to the last field', async () => {
    const manifests = await render(flags)
    expect(await typeErrors(manifests)).toBe('')
    for (const each of manifests) {
      const path = `kubernetes-models/${each.apiVersion}/${each.kind}`
      const { [each.kind]: Model } = await import(/* @vite-ignore */ path)
      new Model(each).validate()
    }
  })

  it('sets what the node itself takes for its settings', async () => {
    const manifests = await render(flags)
    const container = podOf(manifests).containers[0]
    const variables: Record<string, string> = { ...one(manifests, 'ConfigMap').data }
    for (const { name, value } of container.env) if (name.startsWith('HOLDFAST_')) variables[name] = value
    const config = await loadConfig({ flags: {}, variables })
    expect(config.dataDir).toBe('/data/node')
    expect(config.backupDir).toBe(flags === full ? '/backups' : null)
    const ports = Object.fromEntries(container.ports.map((each: Manifest) => [each.name, each.containerPort]))
    const { port, peerPort, raftPort } = config
    expect(ports).toEqual({ https: port, peer: peerPort, raft: raftPort })
    expect(config.publicNames).toContain('harbour-holdfast.sea.svc')
  })

  it('runs the image of the digest without any right, writing to its volume and /tmp only', async () => {
    const manifests = await render(flags)
    const pod = podOf(manifests)
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 10443,
        fsGroup: 10443,
        fsGroupChangePolicy: 'OnRootMismatch',
        seccompProfile: { type: 'RuntimeDefault' },
      },
    })
    expect(pod.containers).toHaveLength(1)
    expect(pod.containers[0]).toMatchObject({
      image: `localhost/holdfast@${digest}`,
      imagePullPolicy: 'IfNotPresent',
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      },
    })
    const writable = pod.containers[0].volumeMounts.filter((each: Manifest) => !each.readOnly)
    const backups = flags === full ? ['/backups'] : []
    expect(writable.map((each: Manifest) => each.mountPath).sort()).toEqual([...backups, '/data', '/tmp'])
    for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe'])
      expect(pod.containers[0][probe].httpGet).toMatchObject({ port: 'https', scheme: 'HTTPS' })
    expect(pod.containers[0].readinessProbe.httpGet.path).toBe('/readyz')
    for (const probe of ['startupProbe', 'livenessProbe'])
      expect(pod.containers[0][probe].httpGet.path).toBe('/healthz')
  })

  it('selects its own pods everywhere, and keeps secrets in Secrets', async () => {
    const manifests = await render(flags)
    const labels = one(manifests, 'StatefulSet').spec.template.metadata.labels
    const selectors = [
      one(manifests, 'StatefulSet').spec.selector.matchLabels,
      one(manifests, 'NetworkPolicy').spec.podSelector.matchLabels,
      ...manifests.filter((each) => each.kind === 'Service').map((each) => each.spec.selector),
    ]
    for (const selector of selectors) expect(labels).toMatchObject(selector)
    for (const each of manifests.filter(({ kind }) => kind !== 'Secret'))
      expect(JSON.stringify(each)).not.toContain(token)
  })
})

describe('the nodes of a cluster', () => {
  it('have names of their own before they are ready, start together, and are disturbed one at a time', async () => {
    const manifests = await render(['--set', 'replicas=3'])
    const set = one(manifests, 'StatefulSet')
    const nodes = one(manifests, 'Service', set.spec.serviceName)
    expect(nodes.spec).toMatchObject({ clusterIP: 'None', publishNotReadyAddresses: true })
    expect(set.spec).toMatchObject({
      replicas: 3,
      podManagementPolicy: 'Parallel',
      updateStrategy: { type: 'RollingUpdate' },
      minReadySeconds: 10,
    })
    expect(one(manifests, 'PodDisruptionBudget').spec.maxUnavailable).toBe(1)
    const address = podOf(manifests).containers[0].env.find(
      (each: Manifest) => each.name === 'HOLDFAST_CLUSTER_ADDRESS',
    )
    expect(address.value).toBe(`$(POD_NAME).${nodes.metadata.name}.sea.svc`)
    const { peerPort, raftPort } = configSchema.parse({ dataDir: '/x' })
    const [, between] = one(manifests, 'NetworkPolicy').spec.ingress
    expect(between.from).toEqual([{ podSelector: { matchLabels: set.spec.selector.matchLabels } }])
    const ports = nodes.spec.ports.map((each: Manifest) => each.port)
    expect(ports).toEqual([7443, peerPort, raftPort])
  })

  it('stand on machines of their own, unless the operator says otherwise', async () => {
    const affinity = async (mode: string) =>
      podOf(await render(['--set', `antiAffinity=${mode}`])).affinity?.podAntiAffinity
    expect(await affinity('required')).toHaveProperty('requiredDuringSchedulingIgnoredDuringExecution')
    expect(await affinity('preferred')).toHaveProperty('preferredDuringSchedulingIgnoredDuringExecution')
    expect(await affinity('none')).toBeUndefined()
  })

  it('reach nothing but each other and the name service', async () => {
    const { policyTypes, egress } = one(await render([]), 'NetworkPolicy').spec
    expect(policyTypes).toEqual(['Ingress', 'Egress'])
    expect(egress.flatMap((rule: Manifest) => rule.to.map((to: Manifest) => Object.keys(to)))).toEqual([
      ['podSelector'],
      ['namespaceSelector'],
    ])
  })

  it('ask the name service in kube-system at port 53, or the one that the operator names', async () => {
    const dns = async (...flags: string[]) => one(await render(flags), 'NetworkPolicy').spec.egress[1]
    const ports = (port: number) => ['UDP', 'TCP'].map((protocol) => ({ port, protocol }))
    const system = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } } }
    expect(await dns()).toEqual({ ports: ports(53), to: [system] })
    const peers = [
      { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'openshift-dns' } } },
      { ipBlock: { cidr: '169.254.20.10/32' } },
    ]
    const file = join(folder, 'dns.yaml')
    writeFileSync(file, JSON.stringify({ networkPolicy: { dns: { peers, port: 5353 } } }))
    expect(await dns('--values', file)).toEqual({ ports: ports(5353), to: peers })
  })

  it('a single one has no budget that would keep its machine from being emptied', async () => {
    expect((await render([])).filter((each) => each.kind === 'PodDisruptionBudget')).toEqual([])
  })
})

describe('the metrics token', () => {
  it('is mounted as a file from the Secret of the chart, or from the operator’s own', async () => {
    const own = await render(['--set', 'metrics.existingSecret=theirs'])
    expect(own.filter((each) => each.kind === 'Secret')).toEqual([])
    const made = await render(['--set', `metrics.token=${token}`])
    const name = one(made, 'Secret').metadata.name
    for (const [manifests, secretName] of [
      [own, 'theirs'],
      [made, name],
    ] as const) {
      const volume = podOf(manifests).volumes.find((each: Manifest) => each.name === 'secrets')
      expect(volume.secret.secretName).toBe(secretName)
      const mount = podOf(manifests).containers[0].volumeMounts.find(
        (each: Manifest) => each.name === 'secrets',
      )
      const { HOLDFAST_METRICS_TOKEN_FILE: file } = one(manifests, 'ConfigMap').data
      expect(file).toBe(`${mount.mountPath}/metrics-token`)
    }
  })
})

/** What the chart sets itself, or nothing may change, since its ports and folders are those of its other objects. */
const ofTheChart = [
  ...['dataDir', 'backupDir', 'port', 'host', 'publicNames', 'clusterAddress', 'peerPort', 'raftPort'],
  ...['etcdPort', 'metricsTokenFile'],
]

describe('settings', () => {
  it('are those of the node but for the chart’s own, and arrive under the names that the node reads', async () => {
    const { properties } = JSON.parse(readFileSync(join(chart, 'values.schema.json'), 'utf8'))
    const allowed = configKeys.filter((key) => !ofTheChart.includes(key))
    expect(properties.settings.propertyNames.enum).toEqual(allowed)
    const settings = Object.fromEntries(allowed.map((key) => [key, `of ${key}`]))
    expect(
      one(await render(['--set-json', `settings=${JSON.stringify(settings)}`]), 'ConfigMap').data,
    ).toMatchObject(Object.fromEntries(allowed.map((key) => [variableName(key), `of ${key}`])))
  })

  it('regression: large numbers of a values file stay whole numbers', async () => {
    const file = join(folder, 'values.yaml')
    writeFileSync(file, 'settings:\n  hstsSeconds: 31536000\n  raftHeartbeatMs: 200\n  logFormat: text\n')
    expect(one(await render(['--values', file]), 'ConfigMap').data).toMatchObject({
      HOLDFAST_HSTS_SECONDS: '31536000',
      HOLDFAST_RAFT_HEARTBEAT_MS: '200',
      HOLDFAST_LOG_FORMAT: 'text',
    })
  })

  it('restart the nodes when they change, and so does the token', async () => {
    const annotations = async (...flags: string[]) =>
      one(await render(flags), 'StatefulSet').spec.template.metadata.annotations
    const before = await annotations('--set', `metrics.token=${token}`)
    const changed = await annotations('--set', `metrics.token=${token}x`)
    expect(changed['checksum/config']).toBe(before['checksum/config'])
    expect(changed['checksum/secret']).not.toBe(before['checksum/secret'])
    expect((await annotations('--set', 'settings.logLevel=debug'))['checksum/config']).not.toBe(
      (await annotations())['checksum/config'],
    )
  })
})

describe('values that cannot be', () => {
  const refused: [string, string[], RegExp][] = [
    ['two nodes', ['--set', 'replicas=2'], /replicas/],
    ['a tag instead of a digest', ['--set', 'image.digest=latest'], /digest/],
    ['no digest', ['--set', 'image.digest='], /image\.digest is missing/],
    ['a misspelt value', ['--set', 'replica=3'], /replica/],
    ['a setting that is the chart’s', ['--set', 'settings.dataDir=/x'], /dataDir/],
    ['a setting that no node knows', ['--set', 'settings.retentionX=1'], /retentionX[\s\S]*maxConnections/],
    ['a setting with a slip of the pen', ['--set', 'settings.loglevel=debug'], /loglevel/],
    ['a short token', ['--set', 'metrics.token=short'], /token/],
    ['a list in a list of names', ['--set', 'publicNames={a\\,b}'], /publicNames/],
    ['a flag in a list of names', ['--set', 'publicNames={--help}'], /publicNames/],
    ['a policy without a name service', ['--set-json', 'networkPolicy.dns.peers=[]'], /peers/],
    ['an unknown service type', ['--set', 'service.type=Ingress'], /type/],
  ]
  it.each(refused)('%s are refused with the reason', async (_, flags, reason) => {
    const { code, stderr } = await run([helm, 'template', 'x', chart, ...image, ...flags])
    expect(code).not.toBe(0)
    expect(stderr).toMatch(reason)
  })
})

describe('what Helm prints', () => {
  /** `helm template` leaves the notes out: here a template of the same chart carries them. */
  async function notes(...flags: string[]): Promise<string> {
    const place = join(mkdtempSync(join(folder, 'notes-')), 'holdfast')
    cpSync(chart, place, { recursive: true })
    cpSync(join(chart, 'templates/NOTES.txt'), join(place, 'notes'))
    const carrier = '{"kind": "Notes", "text": {{ tpl (.Files.Get "notes") . | toJson }}}\n'
    writeFileSync(join(place, 'templates/notes.yaml'), carrier)
    const only = ['--show-only', 'templates/notes.yaml', '--namespace', 'sea', ...image, ...flags]
    return parseAllDocuments(await must([helm, 'template', 'harbour', place, ...only]))[0]?.toJS().text
  }

  it('at the first installation is how to set the nodes up', async () => {
    expect(await notes()).toContain('kubectl -n sea logs harbour-holdfast-0')
    const three = await notes('--set', 'replicas=3')
    expect(three).toContain('harbour-holdfast-2.harbour-holdfast-nodes.sea.svc')
    expect(three).not.toContain('rollback')
  })

  it('regression: at an upgrade is what to look at, and the way back', async () => {
    const three = await notes('--is-upgrade', '--set', 'replicas=3')
    expect(three).toContain('kubectl -n sea rollout status statefulset/harbour-holdfast\n')
    expect(three).toContain('holdfast cluster status shows all voters there')
    expect(three).toContain('does not start on harbour-holdfast-2, which is the first to get it')
    expect(three).toContain('helm -n sea rollback harbour\n')
    expect(three).not.toContain('set-up code')
    const alone = await notes('--is-upgrade')
    expect(alone).toContain(
      'The node restarts, and clients wait meanwhile:\n\n  kubectl -n sea rollout status',
    )
    expect(alone).toContain(
      'If the new version does not start:\n\n  kubectl -n sea logs harbour-holdfast-0\n',
    )
    expect(alone).not.toMatch(/Cluster|voters|set-up code/)
  })
})

describe('the archive', () => {
  it('belongs into the bundle of its version, with the image that it installs and with no other', async () => {
    const out = join(folder, 'release')
    const script = join(repoRoot, 'scripts/appliance.mjs')
    const flags = ['--out', out, '--work', join(folder, 'release-work'), '--digest', digest]
    await must([pinnedNode, script, 'chart', ...flags])
    const { version } = JSON.parse(readFileSync(join(repoRoot, 'package.json'), 'utf8'))
    const maker = JSON.stringify(join(repoRoot, 'appliance/update/bundle.mjs'))
    const list = `import(${maker}).then((m) => console.log(m.partsIn(...process.argv.slice(1)).join('\\n')))`
    const parts = () => run([pinnedNode, '-e', list, out, version])
    expect((await parts()).stderr).toContain('which is no image of this release')
    const archive = join(out, `holdfast_${version}_amd64.oci.tar`)
    writeFileSync(archive, 'an image')
    writeFileSync(`${archive}.digest`, `${digest}\n`)
    writeFileSync(join(out, 'holdfast-chart-0.0.1.tgz'), 'of another version')
    const found = (await parts()).stdout.trim().split('\n').toSorted()
    expect(found).toEqual([join(out, `holdfast-chart-${version}.tgz`), archive].toSorted())
    writeFileSync(`${archive}.digest`, `sha256:${'f'.repeat(64)}\n`)
    expect((await parts()).stderr).toContain('which is no image of this release')
  })

  it('is the same every time, and installs the image it was made with', async () => {
    const pack = async (name: string) => {
      const out = join(folder, name)
      const script = join(repoRoot, 'scripts/appliance.mjs')
      const flags = ['--out', out, '--work', join(folder, `${name}-work`), '--digest', digest]
      await must([pinnedNode, script, 'chart', ...flags])
      return join(out, readdirSync(out)[0] ?? '')
    }
    const [first, second] = [await pack('first'), await pack('second')]
    expect(readFileSync(second).equals(readFileSync(first))).toBe(true)
    const rendered = await must([helm, 'template', 'x', first])
    expect(rendered).toContain(`image: "localhost/holdfast@${digest}"`)
    const { version } = JSON.parse(readFileSync(join(repoRoot, 'package.json'), 'utf8'))
    const shown = await must([helm, 'show', 'chart', first])
    expect(shown).toContain(`version: ${version}\n`)
    expect(readFileSync(join(chart, 'Chart.yaml'), 'utf8')).toContain(`version: ${version}\n`)
    expect(existsSync(join(chart, 'charts'))).toBe(false)
  })
})
