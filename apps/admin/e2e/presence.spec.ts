import type { APIResponse } from '@playwright/test'
import { signIn } from './calls.ts'
import { expect, expectAccessible, inBothThemes, test } from './fixtures.ts'
import { addTalker } from './talk.ts'

test('who comes and goes is seen live, can be found and counted', async ({
  browser,
  page,
  context,
  node,
}) => {
  const ana = await addTalker(browser, node, `Ana Presence ${process.pid}`)
  await signIn(context, node)
  await page.goto(`${node.url}/presence`)
  await expect(page.getByText('Live', { exact: true })).toBeVisible()
  await page.getByRole('textbox', { name: 'Search presence' }).fill(ana.displayName)
  const row = page.getByRole('row', { name: new RegExp(ana.displayName) })
  await expect(row).toContainText('Offline')
  await expect(row).toContainText('never')

  // Whoever has any page open is here, once, whichever page it is.
  await ana.page.goto(`${node.url}/settings`)
  await expect(row).toContainText('Online')
  await expect(row.getByText('Browser', { exact: true })).toHaveCount(1)
  await ana.page.getByRole('link', { name: 'Messages' }).click()
  await expect(ana.page.getByRole('heading', { name: 'Choose a channel' })).toBeVisible()
  await expect(row.getByText('Browser', { exact: true })).toHaveCount(1)
  await expect(row).toContainText('Online')
  await ana.page.goto('about:blank')
  await expect(row).toContainText('Offline')

  await ana.page.goto(`${node.url}/messages`)
  await expect(row).toContainText('Online')
  await expect(row).toContainText('now')
  await inBothThemes(page, () => expectAccessible(page))
  await page.getByRole('button', { name: /^Offline \d+/ }).click()
  await expect(page.getByText('Nothing matches')).toBeVisible()

  await ana.page.close()
  await expect(row).toContainText('Offline')
  await expect(row).toContainText(/just now|\d+ s ago/)
  await page.getByRole('button', { name: /^Online \d+/ }).click()
  await page.getByRole('button', { name: 'Clear filters' }).click()
  await expect(page.getByRole('textbox', { name: 'Search presence' })).toHaveValue('')
  await expect(page.getByRole('row', { name: /Wanda Warden/ })).toBeVisible()
})

test('regression: the list of people shows who comes and goes at once, not when it is asked for again', async ({
  browser,
  page,
  context,
  node,
}) => {
  const bo = await addTalker(browser, node, `Bo Presence ${process.pid}`)
  await signIn(context, node)
  let asked: Promise<APIResponse> | undefined
  await page.route('**/trpc/people.list*', async (route) => {
    asked ??= route.fetch()
    await route.fulfill({ response: await asked })
  })
  await page.goto(`${node.url}/people`)
  const row = page.getByRole('row', { name: new RegExp(bo.displayName) })
  await expect(row).toContainText('Offline')
  await bo.page.goto(`${node.url}/settings`)
  await expect(row).toContainText('Online')
  await bo.page.goto('about:blank')
  await expect(row).toContainText('Offline')
})

test('presence fits a narrow screen', async ({ page, context, node }) => {
  await signIn(context, node)
  await page.setViewportSize({ width: 400, height: 800 })
  await page.goto(`${node.url}/presence`)
  await expect(page.getByRole('row', { name: /Wanda Warden/ })).toBeVisible()
  await expectAccessible(page)
  const wider = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth)
  expect(wider, 'the page is wider than the screen').toBe(false)
  const state = await page.locator('tbody .pf-v6-c-label').first().boundingBox()
  expect(state?.width, 'a label is as wide as its word').toBeLessThan(120)
})
