// The etcd that is packed: the pinned one that the set-up fetched, else the machine's own.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../scripts/lib/prepare.mjs'
import { StepError } from '../../scripts/lib/run.mjs'

const system = '/usr/bin/etcd'

/**
 * Path of the program; `installEtcd` of scripts/lib/etcd.mjs must have run.
 * @throws StepError when there is none
 */
export function etcdProgram() {
  const tools = join(root, '.tools/etcd')
  const versions = existsSync(tools) ? readdirSync(tools).filter((name) => /^\d/.test(name)) : []
  const newest = versions.sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
  const found = [...newest.map((version) => join(tools, version, 'etcd')), system].find((file) =>
    existsSync(file),
  )
  if (!found) throw new StepError('there is no etcd to pack: run npm start once where apt reaches its mirror')
  return found
}
