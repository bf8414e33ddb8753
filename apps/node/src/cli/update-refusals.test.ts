import { expect, test } from 'vitest'
import { BundleError } from '../appliance/bundle-errors.ts'
import { CommandError } from './errors.ts'
import { checkRefusal, mustBeRoot } from './update-refusals.ts'

test('whoever is not root is told so before anything is done, where something is installed at all', () => {
  const needed = new CommandError('Installing an update needs root: run the command again with sudo.')
  for (const kind of ['image', 'deb'] as const) {
    expect(() => mustBeRoot(kind, 1000)).toThrow(needed)
    expect(() => mustBeRoot(kind, 0)).not.toThrow()
  }
  expect(() => mustBeRoot(null, 1000)).not.toThrow()
})

test('what a user may not read is named, with the way to read it; other failures stay as they are', () => {
  const closed = Object.assign(new Error('EACCES: permission denied, scandir'), {
    code: 'EACCES',
    path: '/var/lib/holdfast',
  })
  expect(checkRefusal(closed, 'package')).toMatchObject({
    name: 'CommandError',
    message: 'This user may not read /var/lib/holdfast: run the command again with sudo.',
  })
  const foreign = new BundleError('foreign-signature', 'It is not signed by the vendor.')
  expect(checkRefusal(foreign, 'program')).toBe(foreign)
})

test('only a checkout is told of unpack when there is no certificate of a vendor', () => {
  const none = new BundleError('no-release-root', 'There is none: install the package anew.')
  expect(checkRefusal(none, 'package')).toBe(none)
  expect((checkRefusal(none, 'program') as Error).message).toMatch(
    /^A checkout .* --release-root CERTIFICATE/,
  )
})
