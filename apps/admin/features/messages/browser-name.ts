/** Names for this browser that a person recognizes in the list of devices; he may change them. */

const browsers: [mark: RegExp, name: string][] = [
  [/\bEdg\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bFirefox\//, 'Firefox'],
  [/Chrom(e|ium)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
]
const platforms: [mark: RegExp, name: string][] = [
  [/Android/, 'Android'],
  [/iPhone|iPad/, 'iOS'],
  [/Windows/, 'Windows'],
  [/Mac OS X/, 'macOS'],
  [/CrOS/, 'ChromeOS'],
  [/Linux/, 'Linux'],
]

const find = (list: [RegExp, string][], userAgent: string) => list.find(([mark]) => mark.test(userAgent))?.[1]

export const platformName = (userAgent: string): string => find(platforms, userAgent) ?? ''

export function browserName(userAgent: string): string {
  const browser = find(browsers, userAgent) ?? 'Browser'
  const platform = platformName(userAgent)
  return platform === '' ? browser : `${browser} on ${platform}`
}
