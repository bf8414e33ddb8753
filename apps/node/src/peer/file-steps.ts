/** The changes to the data folder that receiving and installing a snapshot consist of; a crash can come between any two. */
import { open, rename, rm } from 'node:fs/promises'
import { atomicWriteFile, ensureDir, syncFolder } from '../platform/files.ts'

export interface FileSteps {
  ensureFolder(path: string): Promise<void>
  /** Removes a file or a folder with all in it; nothing when it is not there. */
  remove(path: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  /** Makes a file's content durable. */
  syncFile(path: string): Promise<void>
  /** Makes the names in a folder durable. */
  syncFolder(path: string): Promise<void>
  /** Replaces a file whole, durably. */
  write(path: string, text: string): Promise<void>
}

export const fileSteps: FileSteps = {
  ensureFolder: ensureDir,
  remove: (path) => rm(path, { recursive: true, force: true }),
  rename,
  syncFile: async (path) => {
    const file = await open(path, 'r+')
    try {
      await file.sync()
    } finally {
      await file.close()
    }
  },
  syncFolder,
  write: atomicWriteFile,
}
