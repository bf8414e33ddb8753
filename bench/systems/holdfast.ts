import { startHoldfast } from '../lib/holdfast.ts'
import type { System } from './system.ts'

/** This project's single node, as `holdfast init` and `holdfast serve` make it. */
export const holdfast: System = {
  name: 'holdfast',
  setup: 'one node with everything on, TLS, synchronous=FULL',
  missing: () => undefined,
  version: () => '',
  start() {
    void startHoldfast
    throw new Error('not attached yet')
  },
}
