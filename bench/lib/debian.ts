import { spawnSync } from 'node:child_process'

const versionField = '$' + '{Version}'

/** The version of an installed Debian package; undefined where it, or dpkg itself, is not there. */
export function packageVersion(name: string): string | undefined {
  const query = spawnSync('dpkg-query', ['-W', '-f', versionField, name], { encoding: 'utf8' })
  return query.status === 0 && query.stdout !== '' ? query.stdout : undefined
}

/** One line that tells what to install, or undefined when all is there. */
export function missingPackages(names: string[]): string | undefined {
  const missing = names.filter((name) => packageVersion(name) === undefined)
  return missing.length === 0 ? undefined : `missing packages: apt-get install ${missing.join(' ')}`
}
