import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

// Hang guards, not expectations: a loaded two-core machine may be slow, but a test that takes so long is stuck.
const unitTimeoutMs = 60_000
const integrationTimeoutMs = 180_000
const packagesTimeoutMs = 900_000

/**
 * Threads strip the types of what they load by WebAssembly, and V8 may free a wrapper of it that another thread is about to
 * replace (WasmImportWrapperCache), which ends the process. With this budget none is ever replaced. The bundle of
 * the product has no types to strip.
 */
const execArgv = ['--wasm-wrapper-tiering-budget=1000000000']
const folders = ['packages', 'apps/node', 'apps/admin', 'bench', 'appliance']
const files = (suffix: string) => folders.map((folder) => `${folder}/**/*.${suffix}`)
const ignored = ['**/node_modules/**', '**/out/**', '**/e2e/**', '**/.next/**']
const integration = ['integration.test.ts', 'cluster.test.ts']
/** They build packages and start machines: run only by name. */
const packages = ['packages.test.ts']
/** They start virtual machines: npm run test:vm and npm run test:release, see appliance/test/vitest.config.ts. */
const machines = ['vm.test.ts', 'release.test.ts']

/** Tests of whole clusters take longest. They begin first, so that none is left to run alone at the end. */
class ClustersFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isCluster = ({ moduleId }: TestSpecification) => moduleId.includes('cluster')
    const sorted = await super.sort(files)
    return [...sorted.filter(isCluster), ...sorted.filter((file) => !isCluster(file))]
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: ClustersFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: files('test.ts'),
          exclude: [...ignored, ...[...integration, ...packages, ...machines].flatMap(files)],
          pool: 'forks',
          execArgv,
          maxWorkers: 2,
          testTimeout: unitTimeoutMs,
          hookTimeout: unitTimeoutMs,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'integration',
          include: integration.flatMap(files),
          exclude: ignored,
          pool: 'forks',
          execArgv,
          // Each file starts whole nodes, which mostly wait: two at a time fill the two cores, more starve each other.
          maxWorkers: 2,
          testTimeout: integrationTimeoutMs,
          hookTimeout: integrationTimeoutMs,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'packages',
          include: packages.flatMap(files),
          exclude: ignored,
          pool: 'forks',
          execArgv,
          fileParallelism: false,
          testTimeout: packagesTimeoutMs,
          hookTimeout: packagesTimeoutMs,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
