/** What every spec stands on: a node that is set up, and a guard that watches the browser for what must never happen. */
import { AxeBuilder } from '@axe-core/playwright'
import { type BrowserContext, test as base, expect, type Page } from '@playwright/test'
import { startNode, type TestNode } from './node.ts'

export { expect }

interface TestFixtures {
  /** Fails the test on a request to another host, a violated content security policy or an uncaught error. */
  guard: undefined
}

interface WorkerFixtures {
  /** Shared by the specs of a worker: those that change the whole node start their own. */
  node: TestNode
}

export const test = base.extend<TestFixtures, WorkerFixtures>({
  node: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the names of the fixtures from the pattern
    async ({}, use) => {
      await using node = await startNode()
      await use(node)
    },
    { scope: 'worker' },
  ],
  guard: [
    async ({ context }, use) => {
      const faults = await watch(context)
      await use(undefined)
      expect(faults, 'requests to other hosts, policy violations and uncaught errors').toEqual([])
    },
    { auto: true },
  ],
})

const violationMark = 'Content Security Policy violated:'

/** Collects what the pages of `context` do wrong, from now on. */
export async function watch(context: BrowserContext): Promise<string[]> {
  const faults: string[] = []
  await context.addInitScript((mark) => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`${mark} ${event.violatedDirective} ${event.blockedURI} ${event.sample}`)
    })
  }, violationMark)
  context.on('request', (request) => {
    const url = new URL(request.url())
    if (url.protocol === 'data:' || url.protocol === 'blob:') return
    if (url.hostname !== 'localhost') faults.push(`request to ${url.href}`)
  })
  context.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) faults.push(message.text())
  })
  context.on('weberror', (error) => faults.push(`uncaught: ${error.error().stack ?? error.error().message}`))
  return faults
}

/** Fails when axe finds anything serious or critical (WCAG 2.2, levels A and AA) on the page as it is shown. */
export async function expectAccessible(page: Page): Promise<void> {
  // A colour half-way through its transition is nobody's choice: what is judged is what stays.
  await page.evaluate(() =>
    Promise.allSettled(
      document
        .getAnimations()
        .filter((animation) => animation instanceof CSSTransition)
        .map((transition) => transition.finished),
    ),
  )
  const { violations } = await new AxeBuilder({ page }).analyze()
  const grave = violations
    .filter((violation) => violation.impact === 'serious' || violation.impact === 'critical')
    .map(
      (violation) =>
        `${violation.id}: ${violation.nodes.map((node) => `${node.html} — ${node.failureSummary}`).join('\n')}`,
    )
  expect(grave).toEqual([])
}

/** Runs `check` in the light and in the dark theme. */
export async function inBothThemes(page: Page, check: () => Promise<void>): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await expect(page.locator('html')).toHaveClass(
      colorScheme === 'dark' ? /pf-v6-theme-dark/ : /^(?!.*theme-dark)/,
    )
    await check()
  }
}
