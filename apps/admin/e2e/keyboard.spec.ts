import type { Locator, Page } from '@playwright/test'
import { expect, expectAccessible, test } from './fixtures.ts'
import { owner, startNode, type TestNode } from './node.ts'
import { addTalker } from './talk.ts'

/** More than any page here has between two things; a trap in the order would go round for ever. */
const tabsMax = 80

/** Walks with the tabulator until `target` has the focus. */
async function tabTo(page: Page, target: Locator): Promise<void> {
  await expect(target).toBeVisible()
  for (let presses = 0; presses < tabsMax; presses += 1) {
    if (await target.evaluate((element) => element.matches(':focus'))) return
    await page.keyboard.press('Tab')
  }
  await expect(target, 'the tabulator never came to it').toBeFocused()
}

async function press(page: Page, target: Locator, key = 'Enter'): Promise<void> {
  await tabTo(page, target)
  await page.keyboard.press(key)
}

async function type(page: Page, target: Locator, text: string): Promise<void> {
  await tabTo(page, target)
  await page.keyboard.type(text)
}

const field = (page: Page, name: string) => page.getByRole('textbox', { name, exact: true })

test('a node is set up without a mouse', async ({ page }) => {
  await using node = await startNode({ isSetUp: false })
  await page.goto(node.url)
  await type(page, page.getByLabel('Setup code'), node.setupCode ?? '')
  await page.keyboard.press('Enter')
  await type(page, page.getByRole('textbox', { name: 'Facility' }), 'Saint Brendan’s')
  await type(page, page.getByLabel('Name of this node'), 'tower-1')
  await page.keyboard.press('Enter')
  await type(page, page.getByLabel('Name to sign in with'), 'brendan')
  await type(page, field(page, 'Password'), owner.password)
  await type(page, page.getByRole('textbox', { name: 'Password again' }), owner.password)
  await page.keyboard.press('Enter')
  await press(page, page.getByLabel('I have printed or saved'), 'Space')
  await press(page, page.getByRole('button', { name: 'Open the overview' }))
  await expect(page.getByRole('heading', { name: 'Overview', level: 1 })).toBeVisible()
  await expectAccessible(page)
})

async function goTo(page: Page, title: string): Promise<void> {
  await press(page, page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: title }))
  await expect(page).toHaveTitle(new RegExp(title.split(' ')[0] as string))
}

/** A browser that waits for approval, under the name that is returned. */
async function waitingDevice(page: Page, node: TestNode): Promise<string> {
  const name = `Keyed ${process.pid}`
  await page.goto(`${node.url}/messages`)
  await page.getByRole('button', { name: 'This browser' }).click()
  await page.getByRole('textbox', { name: 'Name of this browser' }).fill(name)
  await page.getByRole('button', { name: 'Enrol this browser' }).click()
  await expect(page.getByRole('dialog')).toContainText('Waiting for approval')
  return name
}

test('signing in, adding a person, approving a device and writing to somebody need no mouse', async ({
  browser,
  page,
  node,
}) => {
  const ana = await addTalker(browser, node, `Ana Keys ${process.pid}`)
  const device = await waitingDevice(ana.page, node)
  await page.goto(`${node.url}/login`)
  await type(page, field(page, 'Name'), owner.name)
  await type(page, field(page, 'Password'), owner.password)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { name: 'Overview', level: 1 })).toBeVisible()

  await goTo(page, 'People & groups')
  const name = `keyed-${process.pid}`
  await press(page, page.getByRole('button', { name: 'Add a person' }))
  // The dialog has put the focus where the name goes.
  await expect(page.getByRole('textbox', { name: 'Login name' })).toBeFocused()
  await page.keyboard.type(name)
  await page.keyboard.press('Enter')
  const shown = page.getByRole('dialog', { name: `Password of ${name}` })
  await press(page, shown.getByRole('button', { name: 'I have passed it on' }))
  await expect(shown).toBeHidden()

  await goTo(page, 'Devices')
  await press(page, page.getByRole('button', { name: `Approve ${device}` }))
  await expect(page.getByText(`${device} is approved`)).toBeVisible()

  await goTo(page, 'Presence')
  await type(page, page.getByRole('textbox', { name: 'Search presence' }), ana.displayName)
  await press(page, page.getByRole('row', { name: ana.displayName }).getByRole('link', { name: 'Message' }))
  await type(page, page.getByRole('textbox', { name: `Message ${ana.displayName}` }), 'no mouse here')
  await page.keyboard.press('Enter')
  await expect(page.locator('article', { hasText: 'no mouse here' })).toBeVisible()
  await expectAccessible(page)
  expect(ana.faults).toEqual([])
})
