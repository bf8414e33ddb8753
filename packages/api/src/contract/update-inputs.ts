import * as z from 'zod'

/** Bytes of a bundle in one call; in base64 with its frame they stay below the bound of a request's body. */
export const uploadChunkBytes = 512 * 1024
/** Largest bundle: the image of a slot twice over. */
export const maxBundleBytes = 1024 * 1024 * 1024
/** After so long an update of a cluster that waits for a node stops by itself. */
export const rolloutPatienceMinutes = 20

export const updateUpload = z.object({
  /** Where the bytes belong; 0 begins a new upload. */
  offset: z.int().min(0).max(maxBundleBytes),
  data: z
    .base64()
    .min(1)
    .max(Math.ceil(uploadChunkBytes / 3) * 4),
})
export type UpdateUpload = z.infer<typeof updateUpload>

export const updateInstall = z.object({
  /** SHA-256 of the bundle that was checked, so that what is installed is what was shown. */
  id: z.string().regex(/^[0-9a-f]{64}$/),
  /** Also when this bundle was taken back before. */
  again: z.boolean().default(false),
  /** Also in a cluster of two, where nobody can write while a node restarts. */
  allowPause: z.boolean().default(false),
})
export type UpdateInstall = z.infer<typeof updateInstall>
