/** USB sticks of tests: FAT images with a label and files. */
import { execFileSync } from 'node:child_process'
import { statSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'

const mib = 1024 * 1024
const spareMib = 40

/** @param label at most 11 characters, as FAT has it */
export function makeStick(to: string, label: string, files: readonly string[]): string {
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0)
  writeFileSync(to, '')
  execFileSync('truncate', ['-s', `${Math.ceil(bytes / mib) + spareMib}M`, to])
  execFileSync('mkfs.vfat', ['-n', label, to], { stdio: 'ignore', env })
  for (const file of files) execFileSync('mcopy', ['-i', to, file, `::${basename(file)}`], { env })
  return to
}

/** With the programs for file systems. */
export const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` }
