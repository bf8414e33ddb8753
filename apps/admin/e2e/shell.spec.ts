import type { Page } from '@playwright/test'
import { addPerson, asOwner, signIn } from './calls.ts'
import { expect, expectAccessible, inBothThemes, test } from './fixtures.ts'

const navigation = (page: Page) => page.getByRole('navigation', { name: 'Pages' })

test.describe('theme', () => {
  test('the choice is kept and painted before the page runs', async ({ page, context, node }) => {
    await page.emulateMedia({ colorScheme: 'light' })
    await signIn(context, node)
    await page.goto(`${node.url}/settings`)
    await page.getByRole('button', { name: 'Dark theme' }).click()
    await expect(page.locator('html')).toHaveClass(/pf-v6-theme-dark/)
    await expect(page.getByRole('button', { name: 'Dark theme' })).toHaveAttribute('aria-pressed', 'true')

    // Without the program's scripts only the inline one runs: it alone must have painted the page dark.
    await page.route('**/*.js', (route) => route.abort())
    await page.reload({ waitUntil: 'domcontentloaded' })
    await expect(page.locator('html')).toHaveClass(/pf-v6-theme-dark/)
    await page.unroute('**/*.js')

    await page.reload()
    await page.getByRole('button', { name: 'Theme of the operating system' }).click()
    await expect(page.locator('html')).not.toHaveClass(/pf-v6-theme-dark/)
    await page.emulateMedia({ colorScheme: 'dark' })
    await expect(page.locator('html')).toHaveClass(/pf-v6-theme-dark/)
  })
})

test.describe('navigation', () => {
  test('shows each role its own pages', async ({ browser, node }) => {
    const pages: Record<string, string[]> = {
      owner: [
        'Overview',
        'Cluster',
        'Messages',
        'Presence',
        'People & groups',
        'Devices',
        'Channels',
        'Audit',
        'Settings',
      ],
      operator: [
        'Overview',
        'Cluster',
        'Messages',
        'Presence',
        'People & groups',
        'Devices',
        'Channels',
        'Settings',
      ],
      auditor: ['Overview', 'Cluster', 'Audit', 'Settings'],
      installer: ['Overview', 'Cluster', 'Settings'],
      member: ['Messages', 'Presence', 'Settings'],
    }
    for (const [role, titles] of Object.entries(pages)) {
      const context = await browser.newContext({ ignoreHTTPSErrors: true })
      await signIn(context, node, role === 'owner' ? undefined : await addPerson(node, { role }))
      const page = await context.newPage()
      await page.goto(`${node.url}/settings`)
      await expect(navigation(page).getByRole('link')).toHaveText(titles)
      await context.close()
    }
  })

  test('a page that the role lacks says so, and the start page leads to one it has', async ({
    page,
    context,
    node,
  }) => {
    await signIn(context, node, await addPerson(node, { role: 'auditor' }))
    await page.goto(`${node.url}/devices`)
    await expect(page.getByRole('heading', { name: 'Your role does not include this page' })).toBeVisible()
    await context.clearCookies()
    await signIn(context, node, await addPerson(node))
    await page.goto(node.url)
    await expect(page).toHaveURL(/\/messages$/)
  })

  test('an address without a page says so', async ({ page, node }) => {
    const answer = await page.goto(`${node.url}/no/such/page`)
    expect(answer?.status()).toBe(404)
    await expect(page.getByRole('heading', { name: 'There is no page at this address' })).toBeVisible()
    // It stands in a frame as every other page does.
    await expect(page.getByRole('banner').getByText('Holdfast')).toBeVisible()
    await inBothThemes(page, () => expectAccessible(page))
  })

  test('a page that lost its program to an update offers to reload', async ({ page, context, node }) => {
    await signIn(context, node)
    await page.goto(`${node.url}/settings`)
    await expect(page.getByRole('heading', { name: 'Settings', level: 1 })).toBeVisible()
    await page.route('**/_next/static/chunks/**', (route) => route.fulfill({ status: 404 }))
    await navigation(page).getByRole('link', { name: 'Audit' }).click()
    await expect(page.getByRole('heading', { name: 'This page is older than the node' })).toBeVisible()
    await inBothThemes(page, () => expectAccessible(page))
    await page.unroute('**/_next/static/chunks/**')
    await page.getByRole('button', { name: 'Reload' }).click()
    await expect(page.getByRole('heading', { name: 'Audit', level: 1 })).toBeVisible()
  })
})

test.describe('keyboard', () => {
  test('the skip link is first and leads past the navigation', async ({ page, context, node }) => {
    await signIn(context, node)
    await page.goto(`${node.url}/settings`)
    await expect(page.getByRole('heading', { name: 'Settings', level: 1 })).toBeVisible()
    await page.keyboard.press('Tab')
    const skip = page.getByRole('link', { name: 'Skip to the page' })
    await expect(skip).toBeFocused()
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    await expect(page.getByRole('tab', { name: 'Facility policy' })).toBeFocused()
  })

  test('a dialog starts in its first field, and one that asks on the way back', async ({
    page,
    context,
    node,
  }) => {
    const { name } = await addPerson(node)
    await signIn(context, node)
    await page.goto(`${node.url}/channels`)
    await page.getByRole('button', { name: 'Create a channel' }).first().press('Enter')
    await expect(page.getByRole('dialog').getByRole('textbox', { name: 'Name' })).toBeFocused()
    await page.keyboard.press('Escape')
    await page.goto(`${node.url}/people`)
    await page.getByRole('textbox', { name: 'Search people' }).fill(name)
    await page.getByRole('row', { name }).getByRole('button', { name: 'Kebab toggle' }).press('Enter')
    await page.getByRole('menuitem', { name: 'Suspend…' }).press('Enter')
    await expect(page.getByRole('dialog').getByRole('button', { name: 'Cancel' })).toBeFocused()
  })

  test('a page is reached and its tabs are changed without a mouse', async ({ page, context, node }) => {
    await signIn(context, node)
    await page.goto(node.url)
    const link = navigation(page).getByRole('link', { name: 'Settings' })
    await expect(link).toBeVisible()
    await page.keyboard.press('Tab')
    for (
      let presses = 0;
      presses < 30 && !(await link.evaluate((element) => element.matches(':focus')));
      presses += 1
    )
      await page.keyboard.press('Tab')
    await expect(link).toBeFocused()
    // A focus that cannot be seen is of no use: the ring is an outline with a width.
    expect(
      await link.evaluate((element) => Number.parseFloat(getComputedStyle(element).outlineWidth)),
    ).toBeGreaterThan(0)
    await page.keyboard.press('Enter')
    await expect(page).toHaveURL(/\/settings/)
    await page.getByRole('tab', { name: 'Facility policy' }).focus()
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await expect(page).toHaveURL(/tab=node/)
  })
})

test('nothing is cut off at 400 pixels', async ({ page, context, node }) => {
  await page.setViewportSize({ width: 400, height: 800 })
  await page.goto(`${node.url}/login`)
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible()
  await expectNoSidewaysScroll(page)
  await signIn(context, node)
  for (const path of [
    '/',
    '/settings',
    '/settings?tab=node',
    '/settings?tab=certificates',
    '/settings?tab=account',
  ]) {
    await page.goto(node.url + path)
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
    await expect(page.getByRole('progressbar', { name: 'Loading' })).toHaveCount(0)
    await expectNoSidewaysScroll(page)
  }
  const toggle = page.getByRole('button', { name: 'Navigation' })
  await toggle.click()
  await navigation(page).getByRole('link', { name: 'Overview' }).click()
  await expect(page.getByRole('heading', { name: 'Overview', level: 1 })).toBeVisible()
})

test('tables fit between 800 and 1280 pixels, however long the names are', async ({
  page,
  context,
  node,
}) => {
  const name = `${'long'.repeat(12)}-${process.pid}`
  await asOwner(node, (call) =>
    call('channels.create', { name, kind: 'group', topic: 'berths and tides '.repeat(12), members: [] }),
  )
  const person = await addPerson(node, {
    displayName: 'Bartholomew of the Northern Harbour Watch '.repeat(2),
  })
  await signIn(context, node)
  for (const [path, row] of [
    ['/channels', name],
    ['/people', person.name],
  ] as const) {
    await page.goto(node.url + path)
    const actions = page.getByRole('row', { name: row }).getByRole('button', { name: 'Kebab toggle' })
    for (const width of [1280, 1000, 800]) {
      await page.setViewportSize({ width, height: 720 })
      await expect(actions).toBeVisible()
      await expectNoSidewaysScroll(page)
      const table = page.getByRole('grid').first()
      expect(await table.evaluate((element) => element.scrollWidth - element.clientWidth)).toBeLessThan(2)
    }
  }
})

async function expectNoSidewaysScroll(page: Page) {
  const wide = await page.evaluate(() =>
    [document.documentElement, ...document.querySelectorAll('main, main section')]
      .filter((element) => element.scrollWidth > element.clientWidth + 1)
      .map(
        (element) =>
          `${element.tagName}.${element.className} ${element.scrollWidth} > ${element.clientWidth}`,
      ),
  )
  expect(wide).toEqual([])
}
