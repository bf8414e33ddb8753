// etcd 3.5, the Raft engine of a cluster. Debian 13 has it, Debian 12 has 3.4 only; so the one of Debian 13 is fetched by
// apt, with a configuration of its own that leaves the machine's sources and packages as they are:
// 1 take the machine's /usr/bin/etcd when it is new enough · 2 ask apt which mirror the machine uses · 3 read that
// mirror's list of Debian 13, which apt verifies with Debian's keyring · 4 download two packages, check their pinned
// hashes and unpack them without installing them · 5 move the programs to .tools/etcd/VERSION.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { must, StepError, step } from './run.mjs'

const version = '3.5.16'
const packageVersion = '3.5.16-4'
const suite = 'trixie'
/** Patch release of 3.5 that a system's etcd must have at least. */
const minimumPatch = 16
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'
/** The programs: `etcd` is what the node runs, `etcdctl` is what tests look with. SHA-256 of package and program. */
const programs = [
  {
    name: 'etcd',
    package: 'etcd-server',
    x64: {
      debian: 'amd64',
      package: '0875921bb0d023f2af9b8e15cdfbe417a03e65731345fb832c40f9c2dd72967b',
      program: 'c054131938a55a4a9826c1d566348d5695fe0e4d9ce655dfe936ab18a84e2983',
    },
    arm64: {
      debian: 'arm64',
      package: '5e21469a4f59f1cb2ed7af9c6eb9dda7d9734809c011cfa8a39b34f82a161a32',
      program: 'd0b20b6345a733eca4a5f303be4742016c87572caec7932ca372b1d0315d92ab',
    },
  },
  {
    name: 'etcdctl',
    package: 'etcd-client',
    x64: {
      debian: 'amd64',
      package: '7eb67e305ba2ce523a5a0b29bf88750ded3f724769c7111a83382b7909f9977b',
      program: 'd40ab46650d11e94cec58d1f4c5dfbaed621e7893e9b086529b56e2d3c032d69',
    },
    arm64: {
      debian: 'arm64',
      package: '56c3527045c4ddd0aca5a572897b9a72e43a015cb09a01c79acc08eda17904ca',
      program: '0349687791b221737ad36fce6e269e79a50a2f7533527c1b9aaaccb8e28f5dd9',
    },
  },
]
/** How long one connection of apt may stay silent; without a mirror, the start must not wait for minutes. */
const connectionTimeoutSeconds = 15
/** A start that could not fetch etcd does not try again at once: a single node works without it. */
const retryAfterMs = 3_600_000
const remedy = `see that apt reaches Debian's mirror, or install etcd 3.5 (3.5.${minimumPatch} or newer) as /usr/bin/etcd`

/**
 * Brings etcd and etcdctl when they are not there.
 * @param options.required fail when it cannot be had; otherwise one line says so, and what to do
 * @throws StepError, when it is required
 */
export async function installEtcd(root, { required }) {
  const folder = join(root, '.tools/etcd', version)
  if (programs.every((entry) => isPinned(join(folder, entry.name), entry)) || systemHasIt()) return
  const failed = join(root, '.tools/etcd/failed')
  try {
    if (!required && triedRecently(failed)) throw new StepError('the last attempt to fetch it failed')
    await step(`Fetching etcd ${version} of Debian 13`, () => fetchInto(folder))
    rmSync(failed, { force: true })
  } catch (error) {
    if (!(error instanceof StepError)) throw error
    if (required)
      throw new StepError(
        `${error.message}\nthese tests need etcd ${version}: ${remedy}, then run this again`,
      )
    if (!triedRecently(failed)) {
      mkdirSync(dirname(failed), { recursive: true })
      writeFileSync(failed, error.message)
    }
    console.warn(
      `Without etcd ${version} this node cannot be part of a cluster: ${remedy}. It runs alone meanwhile.`,
    )
  }
}

function triedRecently(file) {
  return existsSync(file) && Date.now() - statSync(file).mtimeMs < retryAfterMs
}

function pinOf(entry) {
  const pin = entry[process.arch]
  if (!pin)
    throw new StepError(`Debian's etcd is pinned for x64 and arm64, and this machine is ${process.arch}`)
  return pin
}

function isPinned(file, entry) {
  return existsSync(file) && sha256(file) === entry[process.arch]?.program
}

function sha256(file) {
  return createHash('sha256').update(readFileSync(file)).digest('hex')
}

/** Debian 13 and later: the packages may be installed already. */
function systemHasIt() {
  return programs.every(({ name }) => {
    const { stdout } = spawnSync(`/usr/bin/${name}`, [name === 'etcd' ? '--version' : 'version'], {
      encoding: 'utf8',
      // etcdctl of 3.4 and older speaks another protocol unless it is told.
      env: { ...process.env, ETCDCTL_API: '3' },
    })
    const patch = /version: 3\.5\.(\d+)$/im.exec(stdout ?? '')?.[1]
    return patch !== undefined && Number(patch) >= minimumPatch
  })
}

async function fetchInto(folder) {
  for (const program of ['apt-get', 'dpkg-deb']) {
    if (spawnSync(program, ['--version']).error) throw new StepError(`there is no ${program} here`)
  }
  const work = mkdtempSync(join(tmpdir(), 'holdfast-etcd-'))
  try {
    // apt downloads lists as a user of its own.
    chmodSync(work, 0o755)
    const apt = privateApt(work, await mirror())
    await apt(['update', '-q'])
    await apt(['download', '-q', ...programs.map((entry) => `${entry.package}=${packageVersion}`)])
    for (const entry of programs) await unpack(work, entry)
    mkdirSync(folder, { recursive: true })
    for (const entry of programs) moveAtOnce(join(work, 'usr/bin', entry.name), join(folder, entry.name))
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** The address of the Debian mirror that this machine's own apt sources name, in whichever of apt's formats. */
async function mirror() {
  const { stdout } = spawnSync(
    'apt-get',
    ['indextargets', '--format', '$(ORIGIN)|$(RELEASE)|$(COMPONENT)|$(REPO_URI)', 'Created-By: Packages'],
    { encoding: 'utf8' },
  )
  const sources = (stdout ?? '')
    .split('\n')
    .map((line) => line.split('|'))
    // Not the suites beside the main one (trixie-updates), which lie on other servers.
    .filter(([, release, component]) => component === 'main' && /^[a-z]+$/.test(release))
  // The origin is known only where apt has read its lists before.
  const [, , , uri] = sources.find(([origin]) => origin === 'Debian') ?? sources[0] ?? []
  if (!uri) throw new StepError("apt's sources on this machine name no mirror of Debian")
  return uri
}

/** Runs apt-get with lists, cache and sources below a folder of ours; proxies and certificates are the machine's. */
function privateApt(work, uri) {
  const architecture = pinOf(programs[0]).debian
  for (const path of ['lists/partial', 'cache/archives/partial'])
    mkdirSync(join(work, path), { recursive: true })
  writeFileSync(join(work, 'status'), '')
  writeFileSync(
    join(work, 'sources.list'),
    `deb [arch=${architecture} signed-by=${keyring}] ${uri} ${suite} main\n`,
  )
  const settings = {
    'Dir::State': work,
    'Dir::State::lists': join(work, 'lists'),
    'Dir::State::status': join(work, 'status'),
    'Dir::Cache': join(work, 'cache'),
    'Dir::Etc::sourcelist': join(work, 'sources.list'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '1',
    'Acquire::http::Timeout': String(connectionTimeoutSeconds),
    'Acquire::https::Timeout': String(connectionTimeoutSeconds),
    'APT::Architecture': architecture,
    'APT::Update::Error-Mode': 'any',
  }
  // Hooks of the machine look after the machine's lists, which are not touched here.
  const cleared = ['APT::Architectures', 'APT::Update::Pre-Invoke', 'APT::Update::Post-Invoke']
  cleared.push('APT::Update::Post-Invoke-Success')
  const lines = Object.entries(settings).map(([name, value]) => `${name} "${value}";`)
  lines.unshift(...cleared.map((name) => `#clear ${name};`))
  writeFileSync(join(work, 'apt.conf'), `${lines.join('\n')}\n`)
  return (args) =>
    must('apt-get', ['-c', join(work, 'apt.conf'), ...args], {
      cwd: work,
      advice: `${suite} at ${uri} could not be read`,
    })
}

async function unpack(work, entry) {
  const pin = pinOf(entry)
  const file = join(work, `${entry.package}_${packageVersion}_${pin.debian}.deb`)
  if (!existsSync(file) || sha256(file) !== pin.package) {
    throw new StepError(
      `${entry.package} ${packageVersion} from Debian's mirror is not the one that is pinned here`,
    )
  }
  await must('dpkg-deb', ['-x', file, work], {
    advice: 'the package cannot be unpacked; see that the disk has room',
  })
  if (!isPinned(join(work, 'usr/bin', entry.name), entry)) {
    throw new StepError(
      `${entry.package} ${packageVersion} does not hold the ${entry.name} that is pinned here`,
    )
  }
}

/** Whoever looks meanwhile sees the old file or the whole new one. */
function moveAtOnce(from, to) {
  const next = `${to}.${process.pid}`
  copyFileSync(from, next)
  chmodSync(next, 0o755)
  renameSync(next, to)
}
