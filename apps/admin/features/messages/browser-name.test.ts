import { expect, test } from 'vitest'
import { browserName, platformName } from './browser-name.ts'

test('names browsers, and never takes one for another that it imitates', () => {
  const edge =
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0'
  const safari =
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 14_0) AppleWebKit/605.1 (KHTML, like Gecko) Version/17.0 Safari/605.1'
  expect(browserName(edge)).toBe('Edge on Windows')
  expect(browserName(safari)).toBe('Safari on macOS')
  expect(browserName('Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0')).toBe(
    'Firefox on Linux',
  )
  expect(browserName('Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/140.0 Safari/537.36')).toBe(
    'Chrome on Linux',
  )
  expect(browserName('something else')).toBe('Browser')
  expect(platformName('something else')).toBe('')
})
