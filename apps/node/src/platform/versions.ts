/** Versions of the product, after semver.org; labels behind the numbers are left out. */
const parts = (version: string) => version.split(/[.-]/).map((part) => Number.parseInt(part, 10) || 0)
/** The first number of a version. */
export const majorVersion = (version: string) => parts(version)[0]

/** Negative, zero or positive, as for sort; numbers of semver without the labels. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parts(a), parts(b)]
  for (let i = 0; i < 3; i += 1) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
