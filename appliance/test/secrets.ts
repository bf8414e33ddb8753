/** Looks through everything that is carried to a facility for what must not be in it. */
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { repoRoot } from './programs.ts'

/** What gives a secret away by its form. */
const forms: readonly [string, RegExp][] = [
  ['a private key', /-----BEGIN [A-Z ]*PRIVATE KEY-----(\\n|\s)+[A-Za-z0-9+/]{32}/],
  ['a hash of a password', /\$argon2id\$v=\d+\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]{16,}\$[A-Za-z0-9+/]{20,}/],
  ['a token of a registry', /_authToken\s*=\s*[^\s$]|\bnpm_[A-Za-z0-9]{36}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b/],
  ['a key of a cloud', /\bAKIA[0-9A-Z]{16}\b/],
]
/** Files that a node or a builder has for itself. */
const ownNames =
  /^(cluster|node|search)\.db(-wal|-shm)?$|^setup-code$|^holdfast\.json$|^\.npmrc$|^\.env|^id_[a-z0-9]+$|\.(key|p12|pfx)$|^\.git$/
/** Variables of the builder whose values must not be found. */
const secretVariable = /(TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?|_KEY)$/
const minSecretChars = 8

/** @returns one line for each find, empty when there is nothing */
export function findSecrets(folder: string): string[] {
  const values = Object.entries(process.env).filter(
    ([name, value]) => secretVariable.test(name) && (value?.length ?? 0) >= minSecretChars,
  )
  const found: string[] = []
  for (const file of filesBelow(folder)) {
    const path = relative(folder, file)
    if (ownNames.test(basename(file))) found.push(`${path} is a file of a node or of a builder`)
    const text = readFileSync(file, 'latin1')
    for (const [what, form] of forms) if (form.test(text)) found.push(`${path} holds ${what}`)
    if (text.includes(`${repoRoot}/`)) found.push(`${path} names the folder it was built in`)
    for (const [name, value] of values)
      if (value && text.includes(value)) found.push(`${path} holds the value of ${name}`)
  }
  return found
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    const kind = lstatSync(path)
    return kind.isDirectory() ? filesBelow(path) : kind.isFile() ? [path] : []
  })
}
