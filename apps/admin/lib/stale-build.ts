/** What a browser says when a part of the program is not there any more: turbopack, webpack, and the browsers' own import(). */
const signs =
  /failed to load chunk|loading (css )?chunk|dynamically imported module|importing a module script failed/i

/** Whether the page is older than the node: parts of it that were not loaded yet went with an update. */
export function isStaleBuild(error: unknown): boolean {
  return error instanceof Error && (error.name === 'ChunkLoadError' || signs.test(error.message))
}

export const staleBuildText = {
  title: 'This page is older than the node',
  text: 'The node was updated while the page was open, and a part of the page is not there any more. Reload it; whatever you sent is stored.',
} as const
