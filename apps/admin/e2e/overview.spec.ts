import { addPerson, asOwner, signIn } from './calls.ts'
import { expect, expectAccessible, inBothThemes, test } from './fixtures.ts'
import { startNode } from './node.ts'

test('the overview tells what the node is and follows it live', async ({ page, context, node }) => {
  await signIn(context, node)
  await page.goto(node.url)
  await expect(page.getByText('Live', { exact: true })).toBeVisible()
  await expect(page.getByRole('heading', { name: 'This node' })).toBeVisible()
  await expect(page.getByText(node.caFingerprint.slice(0, 23))).toBeVisible()
  for (const chart of ['Messages per second', 'Time to acknowledge', 'Connected', 'Memory of the daemon'])
    await expect(page.getByRole('img', { name: new RegExp(`^${chart}`) })).toBeVisible()
  await expect(page.getByRole('img', { name: /^Memory.*resident: now \d+(\.\d)? MiB/ })).toBeVisible()

  const index = page.locator('dt', { hasText: 'Log index' }).locator('xpath=following-sibling::dd')
  const before = Number(((await index.textContent()) ?? '').replaceAll(',', ''))
  await addPerson(node)
  await expect(async () => {
    expect(Number(((await index.textContent()) ?? '').replaceAll(',', ''))).toBeGreaterThan(before)
  }).toPass()
  await inBothThemes(page, () => expectAccessible(page))
})

test('messages show in the rates and in the count', async ({ page, context, node }) => {
  await asOwner(node, (call) => call('channels.create', { name: 'rate-check', kind: 'open' }))
  await signIn(context, node)
  await page.goto(node.url)
  const stored = page.locator('dt', { hasText: 'Messages' }).locator('xpath=following-sibling::dd')
  await expect(stored).toHaveText(/^\d/)
  const before = Number(((await stored.textContent()) ?? '').replaceAll(',', ''))
  // The page's own cookie speaks for this socket, as it does for the Messages page.
  await page.evaluate(async () => {
    const socket = new WebSocket(`wss://${location.host}/client/v1`)
    await new Promise<void>((done, fail) => {
      socket.onerror = () => fail(new Error('The socket failed.'))
      socket.onmessage = (event) => {
        for (const frame of [JSON.parse(String(event.data))].flat()) {
          if (frame.t === 'hello') socket.send(JSON.stringify({ t: 'auth' }))
          if (frame.t === 'error') fail(new Error(frame.message))
          if (frame.t === 'ack') done()
          if (frame.t !== 'ready') continue
          const channel = frame.channels.find((each: { name: string | null }) => each.name === 'rate-check')
          socket.send(JSON.stringify({ t: 'send', channel: channel.id, id: 'rate-1', body: 'counted' }))
        }
      }
    })
    socket.close()
  })
  await expect(page.getByRole('img', { name: /median: now [\d.]+ ms/ })).toBeVisible()
  await page.reload()
  await expect(async () => {
    expect(Number(((await stored.textContent()) ?? '').replaceAll(',', ''))).toBeGreaterThan(before)
  }).toPass()
})

test('a node that stops is said to be unreachable, and the page goes on when it is back', async ({
  page,
  context,
}) => {
  await using node = await startNode()
  await signIn(context, node)
  await page.goto(node.url)
  await expect(page.getByText('Live', { exact: true })).toBeVisible()

  await node.stop()
  await expect(page.getByText(/The node has not answered for/)).toBeVisible()
  await expect(page.getByText(/^Stale for/)).toBeVisible()
  await expect(page.getByRole('heading', { name: 'No news from the node' })).toBeVisible()
  await inBothThemes(page, () => expectAccessible(page))

  await node.start()
  await expect(page.getByText(/The node has not answered for/)).toBeHidden()
  await expect(page.getByText('Live', { exact: true })).toBeVisible()
  await expect(page.getByRole('heading', { name: 'No news from the node' })).toBeHidden()
})

test('a node that is away names the others, which have the same page', async ({ page, context }) => {
  await using node = await startNode()
  await signIn(context, node)
  await page.route('**/trpc/auth.me', async (route) => {
    const answer = await route.fetch().catch(() => null)
    if (answer === null) return await route.abort()
    const body = (await answer.json()) as { result: { data: { others: { name: string; url: string }[] } } }
    body.result.data.others = [{ name: 'kaldvik-2', url: 'https://10.0.0.2:7443' }]
    await route.fulfill({ response: answer, json: body })
  })
  await page.goto(`${node.url}/presence`)
  await expect(page.getByRole('heading', { name: 'Presence', level: 1 })).toBeVisible()
  const link = page.getByRole('link', { name: 'kaldvik-2' })
  await expect(link).toBeHidden()
  await node.stop()
  await expect(link).toBeVisible()
  await expect(link).toHaveAttribute('href', 'https://10.0.0.2:7443/presence')
  await inBothThemes(page, () => expectAccessible(page))
})
