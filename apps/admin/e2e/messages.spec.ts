import { signIn } from './calls.ts'
import { expect, expectAccessible, inBothThemes, test } from './fixtures.ts'
import { startNode } from './node.ts'
import { addChannel, addTalker, message, openChannel, sendAll, write } from './talk.ts'

test('two people talk live: typing, delivery, reading, replies, edits and deletions', async ({
  browser,
  node,
}) => {
  const ana = await addTalker(browser, node, 'Ana Keller')
  const ben = await addTalker(browser, node, 'Ben Osei')
  const channel = await addChannel(node, { members: [ana.id, ben.id], topic: 'The north gate' })
  await openChannel(ana.page, node, channel)
  await openChannel(ben.page, node, channel)
  await expect(ana.page.getByText('The north gate')).toBeVisible()

  await ana.page.getByRole('textbox', { name: `Message ${channel.name}` }).pressSequentially('The gate ')
  await expect(ben.page.getByText('Ana Keller is writing…')).toBeVisible()
  await write(ana.page, channel.name, 'The gate is stuck.')
  await expect(message(ben.page, 'The gate is stuck.')).toBeVisible()
  await expect(ben.page.getByText('Ana Keller is writing…')).toBeHidden()
  await expect(
    ben.page.locator('[aria-live="polite"]', { hasText: 'Ana Keller: The gate is stuck.' }),
  ).toBeAttached()

  // The owner made the channel and has read nothing of it.
  await ben.page.bringToFront()
  const receipt = ana.page.getByRole('button', { name: 'Read by 1 of 2' })
  await expect(receipt).toBeVisible()
  await receipt.click()
  await expect(ana.page.getByRole('dialog', { name: 'Who has this message' })).toContainText(
    'Not delivered yet (1)',
  )
  await ana.page.keyboard.press('Escape')

  await message(ben.page, 'The gate is stuck.').hover()
  await message(ben.page, 'The gate is stuck.').getByRole('button', { name: 'Reply' }).click()
  await write(ben.page, channel.name, 'I am on my way.')
  const answer = message(ana.page, 'I am on my way.')
  await expect(answer.getByText('The gate is stuck.')).toBeVisible()

  const box = ben.page.getByRole('textbox', { name: `Message ${channel.name}` })
  await box.press('ArrowUp')
  await box.fill('I am there in ten minutes.')
  await ben.page.getByRole('button', { name: 'Save' }).click()
  await expect(message(ana.page, 'I am there in ten minutes.')).toContainText('(edited)')

  await message(ben.page, 'in ten minutes').hover()
  await message(ben.page, 'in ten minutes').getByRole('button', { name: 'Delete' }).click()
  await ben.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await expect(ana.page.getByText('This message was deleted.')).toBeVisible()
  await expect(message(ana.page, 'in ten minutes')).toHaveCount(0)
  expect([...ana.faults, ...ben.faults]).toEqual([])
})

test('text stays text, in every script, and a link is never fetched by itself', async ({ browser, node }) => {
  const ana = await addTalker(browser, node, 'Ana Keller')
  const channel = await addChannel(node, { members: [ana.id] })
  await openChannel(ana.page, node, channel)
  await write(ana.page, channel.name, '<img src=x onerror=alert(1)> <b>bold</b>')
  await expect(ana.page.locator('article img, article b')).toHaveCount(0)
  await write(ana.page, channel.name, 'وصلت قطع الغيار 👩🏽‍🚒')
  await expect(message(ana.page, 'وصلت').locator('[dir="auto"]', { hasText: 'وصلت' })).toHaveCSS(
    'direction',
    'rtl',
  )
  await write(ana.page, channel.name, 'See https://mast.example/weather, please.')
  const link = ana.page.getByRole('link', { name: 'https://mast.example/weather' })
  await expect(link).toHaveAttribute('rel', /noreferrer/)
  const box = ana.page.getByRole('textbox', { name: `Message ${channel.name}` })
  await box.fill('first')
  await box.press('Shift+Enter')
  await box.pressSequentially('second')
  await box.press('Enter')
  await expect(message(ana.page, 'second')).toContainText('first\nsecond')
  expect(ana.faults).toEqual([])
})

test('whoever was away finds the unread line, reads upwards page by page, and is back at the newest', async ({
  browser,
  node,
}) => {
  const ana = await addTalker(browser, node, 'Ana Keller')
  const ben = await addTalker(browser, node, 'Ben Osei')
  const channel = await addChannel(node, { members: [ana.id, ben.id] })
  const texts = Array.from({ length: 150 }, (_, i) => `Reading ${i + 1} of the gauge`)
  await sendAll(node, { person: ana, channel: channel.id, texts })

  await ben.page.goto(`${node.url}/messages`)
  const row = ben.page.getByRole('button', { name: new RegExp(channel.name) })
  await expect(row).toContainText('99+')
  await row.click()
  await expect(message(ben.page, 'Reading 150 of the gauge')).toBeVisible()
  await expect(row).not.toContainText('99+')
  const first = message(ben.page, /Reading 1 of the gauge/)
  await expect(async () => {
    await ben.page.locator('article').first().scrollIntoViewIfNeeded()
    await expect(first).toBeVisible({ timeout: 500 })
  }).toPass()
  await expect(ben.page.getByText('This is where the talk begins.')).toBeVisible()
  // The button stands below what is read, never on it.
  const newest = ben.page.getByRole('button', { name: 'Newest' })
  await ben.page.setViewportSize({ width: 400, height: 800 })
  const talkBox = await ben.page.locator('[class*="scroller"]').boundingBox()
  const buttonBox = await newest.boundingBox()
  expect(buttonBox?.y).toBeGreaterThanOrEqual((talkBox?.y ?? 0) + (talkBox?.height ?? Number.NaN))
  await ben.page.setViewportSize({ width: 1280, height: 720 })
  await newest.click()
  await expect(message(ben.page, 'Reading 150 of the gauge')).toBeInViewport()
})

test('search finds words in all channels and leads to the message', async ({ browser, node }) => {
  const ana = await addTalker(browser, node, 'Ana Keller')
  const channel = await addChannel(node, { members: [ana.id] })
  await openChannel(ana.page, node, channel)
  await write(ana.page, channel.name, 'The quicksilver barometer fell.')
  for (let i = 0; i < 12; i++) await write(ana.page, channel.name, `Filler ${i}`)
  await ana.page.goto(`${node.url}/messages`)
  await expect(ana.page.getByRole('button', { name: new RegExp(channel.name) })).toBeVisible()
  await ana.page.keyboard.press('/')
  await expect(ana.page.getByRole('textbox', { name: 'Search channels and messages' })).toBeFocused()
  await ana.page.keyboard.type('quicksilver')
  await expect(async () => {
    await expect(ana.page.locator('mark', { hasText: 'quicksilver' })).toBeVisible({ timeout: 1000 })
  }).toPass()
  await ana.page
    .locator('li', { has: ana.page.locator('mark') })
    .getByRole('button')
    .click()
  await expect(message(ana.page, 'The quicksilver barometer fell.')).toBeFocused()
  await ana.page.getByRole('textbox', { name: 'Search channels and messages' }).press('Escape')
  await expect(ana.page.locator('mark')).toHaveCount(0)
})

test('arrow keys go through channels and messages', async ({ browser, node }) => {
  const ana = await addTalker(browser, node, 'Ana Keller')
  const one = await addChannel(node, { members: [ana.id] })
  const two = await addChannel(node, { members: [ana.id] })
  await openChannel(ana.page, node, one)
  await write(ana.page, one.name, 'The first')
  await write(ana.page, one.name, 'The second')
  await ana.page.getByRole('button', { name: one.name, exact: true }).focus()
  await ana.page.keyboard.press('ArrowDown')
  await expect(ana.page.getByRole('button', { name: two.name, exact: true })).toBeFocused()
  await message(ana.page, 'The second').focus()
  await ana.page.keyboard.press('ArrowUp')
  await expect(message(ana.page, 'The first')).toBeFocused()
  await ana.page.keyboard.press('Tab')
  await expect(message(ana.page, 'The first').getByRole('button').first()).toBeFocused()
})

test('a direct conversation begins from the menu and from Presence, an open channel is joined', async ({
  browser,
  node,
}) => {
  const ana = await addTalker(browser, node, 'Ana Keller')
  const zoe = await addTalker(browser, node, `Zoe ${process.pid} Direct`)
  const open = await addChannel(node, { kind: 'open', members: [] })
  await ana.page.goto(`${node.url}/messages`)
  await ana.page.getByRole('button', { name: 'New conversation' }).click()
  await ana.page.getByRole('menuitem', { name: 'Write to a person…' }).click()
  await ana.page.getByRole('combobox', { name: 'Person' }).fill(zoe.displayName)
  await ana.page.getByRole('option', { name: new RegExp(zoe.displayName) }).click()
  await ana.page.getByRole('button', { name: 'Open', exact: true }).click()
  await write(ana.page, zoe.displayName, 'Only for you.')

  await zoe.page.goto(`${node.url}/presence`)
  await zoe.page.getByRole('textbox', { name: 'Search presence' }).fill(ana.name)
  await zoe.page.getByRole('link', { name: 'Message', exact: true }).click()
  await expect(message(zoe.page, 'Only for you.')).toBeVisible()
  await write(zoe.page, 'Ana Keller', 'Thank you.')
  await expect(ana.page.getByRole('button', { name: 'Read', exact: true })).toBeVisible()

  await ana.page.getByRole('button', { name: 'New conversation' }).click()
  await ana.page.getByRole('menuitem', { name: 'Join an open channel…' }).click()
  await ana.page.getByRole('button', { name: `Join ${open.name}` }).click()
  await write(ana.page, open.name, 'I joined by myself.')
})

test('what is written while the node is away is sent when it is back', async ({ browser }) => {
  await using node = await startNode()
  const ana = await addTalker(browser, node, 'Ana Keller')
  const channel = await addChannel(node, { members: [ana.id] })
  await openChannel(ana.page, node, channel)
  await write(ana.page, channel.name, 'Before the cut.')
  await node.stop()
  await expect(ana.page.getByText(/Not connected for .*; trying again/)).toBeVisible()
  const box = ana.page.getByRole('textbox', { name: `Message ${channel.name}` })
  await box.fill('Written in the dark.')
  await box.press('Enter')
  await expect(ana.page.getByText('Sending…')).toBeVisible()
  await inBothThemes(ana.page, () => expectAccessible(ana.page))
  await node.start()
  await expect(message(ana.page, 'Written in the dark.')).toBeVisible()
  await expect(ana.page.getByText('Sending…')).toBeHidden()
  await expect(ana.page.getByText(/Not connected/)).toBeHidden()
  await ana.page.reload()
  await expect(message(ana.page, 'Written in the dark.')).toHaveCount(1)
})

test('this browser becomes a device with a key that can not be taken out of it', async ({
  browser,
  node,
}) => {
  const ana = await addTalker(browser, node, 'Ana Keller')
  await ana.page.goto(`${node.url}/messages`)
  await expect(ana.page.getByText('not enrolled')).toBeVisible()
  await ana.page.getByRole('button', { name: 'This browser' }).click()
  await ana.page.getByRole('textbox', { name: 'Name of this browser' }).fill('Desk of Ana')
  await ana.page.getByRole('button', { name: 'Enrol this browser' }).click()
  const dialog = ana.page.getByRole('dialog', { name: 'This browser as a device' })
  await expect(dialog).toContainText('Desk of Ana')
  await expect(dialog.getByText('Key thumbprint (RFC 7638)')).toBeVisible()
  const extractable = await ana.page.evaluate(
    () =>
      new Promise((done, fail) => {
        const open = indexedDB.open('holdfast')
        open.onerror = () => fail(open.error)
        open.onsuccess = () => {
          const read = open.result.transaction('keys').objectStore('keys').get('device')
          read.onerror = () => fail(read.error)
          read.onsuccess = () => done((read.result as CryptoKeyPair).privateKey.extractable)
        }
      }),
  )
  expect(extractable).toBe(false)
})

test('messages can be used by everybody, in both themes and on a narrow screen', async ({
  page,
  context,
  node,
}) => {
  const channel = await addChannel(node, { members: [], topic: 'Where everything is shown' })
  await signIn(context, node)
  await openChannel(page, node, channel)
  await write(page, channel.name, 'A message with https://link.example in it')
  const priority = page.getByRole('button', { name: 'Priority: Normal' })
  await priority.click()
  await page.getByRole('option', { name: /Urgent/ }).click()
  await write(page, channel.name, 'Everybody out')
  await expect(message(page, 'Everybody out')).toContainText('Urgent')
  await inBothThemes(page, () => expectAccessible(page))
  await page.setViewportSize({ width: 400, height: 800 })
  await expect(page.getByRole('navigation', { name: 'Channels' })).toBeHidden()
  await inBothThemes(page, () => expectAccessible(page))
  await page.getByRole('button', { name: 'Back to the channels' }).click()
  await expect(page.getByRole('navigation', { name: 'Channels' })).toBeVisible()
  const wider = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth)
  expect(wider, 'the page is wider than the screen').toBe(false)
})
