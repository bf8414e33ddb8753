import { expect, test } from 'vitest'
import { urlOf } from './serve-node.ts'

test('a node that listens on one address is not said to be at localhost', () => {
  expect(urlOf('::', 7443)).toBe('https://localhost:7443')
  expect(urlOf('127.0.0.1', 7443)).toBe('https://localhost:7443')
  expect(urlOf('10.0.0.1', 7443)).toBe('https://10.0.0.1:7443')
  expect(urlOf('fd00::1', 7443)).toBe('https://[fd00::1]:7443')
})
