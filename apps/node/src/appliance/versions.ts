/** Versions as the product numbers its releases: `1.4.0`, or `1.4.0-rc.2` before it (semver.org, precedence). */

const pattern = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:-([0-9A-Za-z.-]{1,40}))?$/

export function isVersion(text: string): boolean {
  return pattern.test(text)
}

/** @returns below 0 when `a` is older than `b`, 0 when they are the same. @throws RangeError for what is no version */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parts(a), parts(b)]
  for (const [index, number] of left.numbers.entries()) {
    const difference = number - right.numbers[index]!
    if (difference !== 0) return difference
  }
  return comparePrerelease(left.prerelease, right.prerelease)
}

function parts(version: string): { numbers: number[]; prerelease: string[] } {
  const match = pattern.exec(version)
  if (!match) throw new RangeError(`${JSON.stringify(version)} is no version such as 1.4.0`)
  return { numbers: [1, 2, 3].map((index) => Number(match[index])), prerelease: match[4]?.split('.') ?? [] }
}

/** A version without a prerelease comes after those with one; numbers come before words. */
function comparePrerelease(a: string[], b: string[]): number {
  if (a.length === 0 || b.length === 0) return b.length - a.length
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const [x, y] = [a[index], b[index]]
    if (x === undefined || y === undefined) return x === undefined ? -1 : 1
    if (x === y) continue
    const [xNumber, yNumber] = [/^\d+$/.test(x), /^\d+$/.test(y)]
    if (xNumber && yNumber) return Number(x) - Number(y)
    if (xNumber !== yNumber) return xNumber ? -1 : 1
    return x < y ? -1 : 1
  }
  return 0
}
