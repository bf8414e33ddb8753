/**
 * The pictures of the documentation, taken from the demo in both themes. They are written to docs/images when
 * HOLDFAST_SCREENSHOTS=1 is set, and otherwise beside the test's other results.
 */
import { mkdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Page } from '@playwright/test'
import { mutate } from './calls.ts'
import { type DemoNode, startDemo } from './demo-node.ts'
import { expect, inBothThemes, test } from './fixtures.ts'
import { startNode } from './node.ts'

const forDocs = process.env.HOLDFAST_SCREENSHOTS === '1'
const images = resolve(import.meta.dirname, '../../../docs/images')
/** Larger ones make a clone heavy. */
const maxImageBytes = 200_000
/** Traffic that the charts need to show more than a dot; only for the pictures that are kept. */
const chartMs = 100_000

test.beforeAll(() => {
  // The nodes started from here take variables with this prefix for their settings, and refuse unknown ones.
  delete process.env.HOLDFAST_SCREENSHOTS
})

async function take(page: Page, name: string): Promise<void> {
  const folder = forDocs ? images : test.info().outputPath()
  await mkdir(folder, { recursive: true })
  await inBothThemes(page, async () => {
    const dark = (await page.locator('html').getAttribute('class'))?.includes('theme-dark')
    const path = join(folder, `${name}${dark ? '-dark' : ''}.png`)
    await page.screenshot({ path, animations: 'disabled' })
    expect((await stat(path)).size).toBeLessThan(maxImageBytes)
  })
}

let demo: DemoNode

test.describe('a facility full of people', () => {
  test.beforeAll(async () => {
    demo = await startDemo()
  })
  test.afterAll(async () => {
    await demo[Symbol.asyncDispose]()
  })
  test.beforeEach(async ({ context, page }) => {
    const { name, password, url } = demo
    await mutate(context.request, { url } as never, 'auth.login', { name, password, cookie: true })
    await page.goto(url)
    await expect(page.getByText('Port of Kaldvik').first()).toBeVisible()
  })

  test('overview', async ({ page }) => {
    await expect(page.getByText('Live', { exact: true })).toBeVisible()
    await expect(page.getByRole('img', { name: /^Messages per second/ })).toBeVisible()
    if (forDocs) {
      test.setTimeout(2 * chartMs)
      await page.waitForTimeout(chartMs)
    }
    await take(page, 'overview')
  })

  test('messages', async ({ page }) => {
    await page.goto(`${demo.url}/messages`)
    await page.getByRole('button', { name: /^traffic/ }).click()
    await expect(page.getByText(/pilot/i).first()).toBeVisible()
    await take(page, 'messages')
  })

  for (const [path, known] of [
    ['presence', 'Sigrid Nygård'],
    ['devices', 'VTS console A'],
    ['people', 'Κατερίνα Παπαδοπούλου'],
    ['channels', 'safety-alerts'],
    ['audit', 'Signed in'],
  ] as const) {
    test(path, async ({ page }) => {
      await page.goto(`${demo.url}/${path}`)
      await expect(page.getByText(known).first()).toBeVisible()
      await take(page, path)
    })
  }
})

test('setup', async ({ page }) => {
  await using node = await startNode({ isSetUp: false })
  await page.goto(node.url)
  await expect(page.getByRole('textbox').first()).toBeVisible()
  await take(page, 'setup')
})
