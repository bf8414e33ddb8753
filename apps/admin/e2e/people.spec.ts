import { readFile } from 'node:fs/promises'
import { addPerson, signIn } from './calls.ts'
import { expect, expectAccessible, inBothThemes, test } from './fixtures.ts'

const unique = (word: string) => `${word}-${process.pid}-${Math.floor(performance.now())}`

test('a person is added with a password that is shown once, and can sign in with it', async ({
  page,
  context,
  node,
  browser,
}) => {
  await signIn(context, node)
  await page.goto(`${node.url}/people`)
  const name = unique('nadia')
  await page.getByRole('button', { name: 'Add a person' }).click()
  await page.getByRole('textbox', { name: 'Login name' }).fill('Not A Name!')
  await expect(page.getByText(/use letters, digits/)).toBeVisible()
  await page.getByRole('textbox', { name: 'Login name' }).fill(name)
  await page.getByRole('textbox', { name: 'Display name' }).fill(`Nadia ${name}`)
  await inBothThemes(page, () => expectAccessible(page))
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  const shown = page.getByRole('dialog', { name: `Password of ${name}` })
  const password = (await shown.locator('.hf-code', { hasText: /^\w{5}(-\w{5}){3}$/ }).textContent()) ?? ''
  await shown.getByRole('button', { name: 'I have passed it on' }).click()

  const other = await browser.newContext({ ignoreHTTPSErrors: true })
  await signIn(other, node, { name, password })
  await page.getByRole('textbox', { name: 'Search people' }).fill(name)
  await page.getByRole('button', { name: `Nadia ${name}`, exact: true }).click()
  const detail = page.locator('.pf-v6-c-drawer__panel')
  await expect(detail).toContainText('Has to be changed at the next sign-in')
  await expect(detail.getByRole('link', { name: 'Person added' })).toBeVisible()
  await inBothThemes(page, () => expectAccessible(page))

  await detail.getByRole('button', { name: 'Change role…' }).click()
  await page.getByRole('combobox', { name: 'Role', exact: true }).last().selectOption('operator')
  await page.getByRole('dialog').getByRole('button', { name: 'Change the role' }).click()
  await expect(detail).toContainText('Operator')

  await detail.getByRole('button', { name: 'Suspend…' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Suspend' }).click()
  await expect(detail.getByText('Not signed in anywhere.')).toBeVisible()
  await expect(signIn(other, node, { name, password })).rejects.toThrow(/auth\.login: 40[13]/)
  await detail.getByRole('button', { name: 'Resume' }).click()
  await expect(detail.getByRole('button', { name: 'Suspend…' })).toBeVisible()

  await detail.getByRole('button', { name: 'Erase…' }).click()
  const erase = page.getByRole('dialog', { name: /Erase .* for good/ })
  await expect(erase.getByRole('button', { name: 'Erase' })).toBeDisabled()
  await erase.getByRole('textbox').fill(name)
  await erase.getByRole('button', { name: 'Erase' }).click()
  await expect(page.getByText('is erased')).toBeVisible()
  await other.close()
})

test('a list of people is imported, with what was refused by line', async ({ page, context, node }) => {
  await signIn(context, node)
  await page.goto(`${node.url}/people`)
  await page.getByRole('button', { name: 'Import…' }).click()
  const download = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download a template' }).click()
  const template = await readFile(await (await download).path(), 'utf8')
  expect(template.split('\r\n')[0]).toBe('name,displayName,role,password')
  const name = unique('import')
  await page
    .getByRole('textbox', { name: 'CSV' })
    .fill(
      `name,displayName,role,password\n${name},"Import, One",member,\nBAD NAME,x,member,\n${name}-2,y,king,`,
    )
  await page.getByRole('button', { name: 'Import', exact: true }).click()
  await expect(page.getByText('1 person added, 2 lines refused')).toBeVisible()
  await expect(page.getByRole('grid', { name: 'Lines refused' }).getByRole('row')).toHaveCount(3)
  await expect(page.getByRole('row', { name: new RegExp(name) })).toBeVisible()
  await inBothThemes(page, () => expectAccessible(page))
})

test('a group is made, filled, emptied and removed', async ({ page, context, node }) => {
  const person = await addPerson(node, { displayName: unique('Grace') })
  const shown = person.name
  await signIn(context, node)
  await page.goto(`${node.url}/people`)
  await page.getByRole('tab', { name: 'Groups' }).click()
  const name = unique('shift')
  await page.getByRole('button', { name: 'Create a group' }).first().click()
  await page.getByRole('textbox', { name: 'Name' }).fill(name)
  await page.getByRole('combobox', { name: 'People' }).fill(shown)
  await page.getByRole('option', { name: new RegExp(shown) }).click()
  await page.getByRole('button', { name: 'Create', exact: true }).click()
  const detail = page.locator('.pf-v6-c-drawer__panel')
  await expect(detail.getByText('1 person', { exact: true })).toBeVisible()
  await inBothThemes(page, () => expectAccessible(page))
  await detail.getByRole('button', { name: /^Remove Grace/ }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
  await expect(detail.getByText('Nobody is in this group')).toBeVisible()
  await detail.getByRole('button', { name: 'Remove…' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
  await expect(page.getByRole('button', { name })).toHaveCount(0)
})

test('the helpdesk is offered what it may do to members and nothing about others', async ({
  page,
  context,
  node,
}) => {
  const member = await addPerson(node, { displayName: unique('Member') })
  await signIn(context, node, await addPerson(node, { role: 'helpdesk' }))
  await page.goto(`${node.url}/people?id=${member.id}`)
  const detail = page.locator('.pf-v6-c-drawer__panel')
  await expect(detail.getByRole('button', { name: 'Set password…' })).toBeVisible()
  await expect(detail.getByRole('button', { name: 'Erase…' })).toHaveCount(0)
  await expect(detail.getByRole('button', { name: 'Change role…' })).toHaveCount(0)
  await expect(page.getByRole('button', { name: 'Import…' })).toHaveCount(0)
  await page.getByRole('button', { name: 'Close the detail' }).click()
  await page.getByRole('textbox', { name: 'Search people' }).fill('warden')
  await page.getByRole('button', { name: 'Wanda Warden' }).click()
  await expect(detail.getByText('warden', { exact: true })).toBeVisible()
  await expect(detail.getByRole('button', { name: 'Set password…' })).toHaveCount(0)
})
