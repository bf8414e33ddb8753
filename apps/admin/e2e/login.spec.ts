import type { Page } from '@playwright/test'
import { addPerson, asOwner, signIn } from './calls.ts'
import { expect, expectAccessible, inBothThemes, test } from './fixtures.ts'
import { owner, startNode } from './node.ts'

async function enter(page: Page, name: string, password: string) {
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill(name)
  await page.getByRole('textbox', { name: 'Password', exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

test('signing in leads back to the page that was asked for', async ({ page, node }) => {
  await page.goto(`${node.url}/settings?tab=account`)
  await expect(page).toHaveURL(/\/login\?next=%2Fsettings%3Ftab%3Daccount$/)
  await expect(page.getByText('North Harbour · server-room-1')).toBeVisible()
  await inBothThemes(page, () => expectAccessible(page))
  await enter(page, owner.name, owner.password)
  await expect(page).toHaveURL(/\/settings\?tab=account$/)
  await expect(page.getByRole('tab', { name: 'My account' })).toHaveAttribute('aria-selected', 'true')
})

test('a login never leads to another host', async ({ page, node }) => {
  for (const next of [
    '//evil.example/',
    '/%09/evil.example/',
    '/%5Cevil.example/',
    'https://evil.example/',
  ]) {
    await page.goto(`${node.url}/login?next=${next}`)
    await enter(page, owner.name, owner.password)
    await expect(page.getByRole('heading', { name: 'Overview', level: 1 })).toBeVisible()
    expect(new URL(page.url()).origin).toBe(node.url)
  }
})

test('a wrong password is said, cleared and can be typed again at once', async ({ page, node }) => {
  const person = await addPerson(node)
  await page.goto(`${node.url}/login`)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByText('Enter your name.')).toBeVisible()
  await enter(page, person.name, 'not the password')
  await expect(page.getByRole('main').getByRole('alert')).toContainText('The name or password is wrong')
  await expect(page.getByRole('main').getByRole('alert')).toContainText(
    'Check both, and whether Caps Lock is on.',
  )
  await expect(page.getByRole('textbox', { name: 'Password', exact: true })).toHaveValue('')
  await expect(page.getByRole('textbox', { name: 'Password', exact: true })).toBeFocused()
  await page.keyboard.type(person.password)
  await page.keyboard.press('Enter')
  await expect(page).not.toHaveURL(/login/)
})

test('too many wrong passwords lock the account and the wait is counted down', async ({ page }) => {
  await using node = await startNode()
  const person = await addPerson(node)
  await page.goto(`${node.url}/login`)
  const button = page.getByRole('button', { name: 'Sign in' })
  const alert = page.getByRole('main').getByRole('alert')
  await expect(async () => {
    await enter(page, person.name, 'not the password')
    await expect(alert).toContainText('Too many attempts', { timeout: 1000 })
  }).toPass()
  await expect(alert).toContainText(/You can try again in \d+ s/)
  await expect(button).toBeDisabled()
  await inBothThemes(page, () => expectAccessible(page))

  await asOwner(node, (call) => call('people.unlock', { id: person.id }))
  await page.reload()
  await enter(page, person.name, person.password)
  await expect(page).not.toHaveURL(/login/)
})

test('whoever got his password from somebody else chooses his own first', async ({ page, node }) => {
  const person = await addPerson(node, { mustChange: true, role: 'operator' })
  await page.goto(`${node.url}/login`)
  await enter(page, person.name, person.password)
  await expect(page.getByRole('heading', { name: 'Choose your password' })).toBeVisible()
  await inBothThemes(page, () => expectAccessible(page))
  await page.getByRole('textbox', { name: 'New password', exact: true }).fill('a lantern under nine waves')
  await page.getByRole('textbox', { name: 'New password again' }).fill('a lantern under ten waves')
  await page.getByRole('button', { name: 'Save the password' }).click()
  await expect(page.getByText('The two passwords differ.')).toBeVisible()
  await page.getByRole('textbox', { name: 'New password again' }).fill('a lantern under nine waves')
  await page.getByRole('button', { name: 'Save the password' }).click()
  await expect(page.getByRole('heading', { name: 'Overview', level: 1 })).toBeVisible()
})

test('a session ended by somebody else leads to the login, with the reason and the way back', async ({
  page,
  context,
  node,
}) => {
  const person = await addPerson(node, { role: 'operator' })
  await signIn(context, node, person)
  await page.goto(node.url)
  await expect(page.getByText('Live', { exact: true })).toBeVisible()
  await asOwner(node, (call) => call('people.endSessions', { id: person.id }))
  await expect(page.getByText('Your session has ended')).toBeVisible()
  await inBothThemes(page, () => expectAccessible(page))
  await enter(page, person.name, person.password)
  await expect(page.getByRole('heading', { name: 'Overview', level: 1 })).toBeVisible()
})

test('signing out ends the session', async ({ page, context, node }) => {
  const person = await addPerson(node)
  await signIn(context, node, person)
  await page.goto(`${node.url}/settings`)
  await page.getByRole('button', { name: `Account of ${person.name}` }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await expect(page).toHaveURL(/\/login/)
  await page.goto(`${node.url}/settings`)
  await expect(page).toHaveURL(/\/login/)
})
