/** A copy of the program that updates: dpkg changes the files of the one that is installed, while it runs. */
import { execFileSync, spawn } from 'node:child_process'
import { cpSync, existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ensureDir, syncFolder } from '../platform/files.ts'
import type { AppliancePaths } from './paths.ts'

/** What it is made of, below the product's folder. The unit that settles an update names both files. */
const parts = ['node', 'app']
const node = 'node/bin/node'
const program = 'app/holdfast.mjs'

const folderOf = (paths: AppliancePaths) => join(paths.update, 'program')

/** Whether this process is the copy. */
export function isProgramCopy(paths: AppliancePaths, executable = process.execPath): boolean {
  return executable === join(folderOf(paths), node)
}

/** Runs a command of the copy, which is made when it is missing. @returns its exit code */
export async function runProgramCopy(paths: AppliancePaths, args: readonly string[]): Promise<number> {
  const folder = folderOf(paths)
  if (!existsSync(folder)) {
    const half = `${folder}.half`
    rmSync(half, { recursive: true, force: true })
    await ensureDir(paths.update, 0o755)
    for (const part of parts)
      cpSync(join(paths.product, part), join(half, part), { recursive: true, verbatimSymlinks: true })
    // Its name says that it is whole, also after a power cut.
    execFileSync('sync', ['--file-system', half])
    renameSync(half, folder)
    await syncFolder(paths.update)
  }
  return await new Promise((resolve, reject) => {
    const child = spawn(
      join(folder, node),
      ['--disable-warning=ExperimentalWarning', join(folder, program), ...args],
      {
        stdio: 'inherit',
      },
    )
    child.once('error', (error) =>
      reject(
        new Error(`The copy of the program in ${folder} cannot be run: ${error.message}.`, { cause: error }),
      ),
    )
    child.once('close', (code) => resolve(code ?? 1))
  })
}

export function removeProgramCopy(paths: AppliancePaths): void {
  rmSync(folderOf(paths), { recursive: true, force: true })
}
