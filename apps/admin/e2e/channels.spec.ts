import { addPerson, mutate, signIn } from './calls.ts'
import { expect, expectAccessible, inBothThemes, test } from './fixtures.ts'

test('a channel is made with people, gets a topic and a retention, is archived and brought back', async ({
  page,
  context,
  node,
}) => {
  const person = await addPerson(node, { displayName: `Petra ${process.pid}` })
  await signIn(context, node)
  await page.goto(`${node.url}/channels`)
  const name = `radio-${process.pid}`
  await page.getByRole('button', { name: 'Create a channel' }).first().click()
  await page.getByRole('textbox', { name: 'Name' }).fill(name)
  await page.getByRole('radio', { name: 'Announcement' }).check()
  await page.getByRole('combobox', { name: 'People' }).fill(person.name)
  await page.getByRole('option', { name: new RegExp(person.name) }).click()
  await page.getByRole('radio', { name: 'For a number of days' }).check()
  await page.getByRole('spinbutton', { name: 'Days to keep messages' }).fill('0')
  await expect(page.getByRole('button', { name: 'Create', exact: true })).toBeDisabled()
  await page.getByRole('spinbutton', { name: 'Days to keep messages' }).fill('30')
  await inBothThemes(page, () => expectAccessible(page))
  await page.getByRole('button', { name: 'Create', exact: true }).click()

  const detail = page.locator('.pf-v6-c-drawer__panel')
  await expect(detail).toContainText('30 days')
  await expect(detail.getByText(`Petra ${process.pid}`)).toBeVisible()
  await inBothThemes(page, () => expectAccessible(page))
  await detail.getByRole('combobox', { name: `Role of Petra ${process.pid}` }).selectOption('poster')
  await expect(detail.getByRole('link', { name: 'Role in a channel changed' })).toBeVisible()

  await detail.getByRole('button', { name: 'Edit…' }).click()
  await page.getByRole('textbox', { name: 'Topic' }).fill('Orders of the day')
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(detail).toContainText('Orders of the day')

  await detail.getByRole('button', { name: `Remove Petra ${process.pid}` }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
  await expect(detail.getByText(`Petra ${process.pid}`)).toHaveCount(0)

  await detail.getByRole('button', { name: 'Archive…' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Archive' }).click()
  await expect(detail.getByRole('button', { name: 'Unarchive' })).toBeVisible()
  await page.getByRole('button', { name: 'Close the detail' }).click()
  await expect(page.getByRole('button', { name, exact: true })).toHaveCount(0)
  await page.locator('label', { hasText: 'Show archived' }).click()
  await page.getByRole('button', { name, exact: true }).click()
  await detail.getByRole('button', { name: 'Unarchive' }).click()
  await expect(detail.getByRole('button', { name: 'Archive…' })).toBeVisible()
})

test('the actions of a channel with long words stand within the page', async ({ page, context, node }) => {
  const name = `quay-deepening-works-coordination-${process.pid}`
  await signIn(context, node)
  await mutate(context.request, node, 'channels.create', {
    name,
    kind: 'announcement',
    topic: 'Where the dredgers lie, which berths are closed, and until when each of them stays so',
  })
  await page.setViewportSize({ width: 1280, height: 720 })
  await page.goto(`${node.url}/channels`)
  const row = page.getByRole('row').filter({ has: page.getByRole('button', { name, exact: true }) })
  await expect(row.getByRole('button').last()).toBeInViewport({ ratio: 1 })
})
