/** Calls to the node's API without a page: to prepare what a spec then looks at. */
import { type APIRequestContext, type BrowserContext, request } from '@playwright/test'
import { owner, type TestNode } from './node.ts'

export interface Credentials {
  name: string
  password: string
}

/** Calls a mutation; `calls` holds the session cookie. @throws Error with the node's answer when it refuses */
export async function mutate<Result = unknown>(
  calls: APIRequestContext,
  node: Pick<TestNode, 'url'>,
  procedure: string,
  input?: unknown,
): Promise<Result> {
  const answer = await calls.post(`${node.url}/trpc/${procedure}`, {
    headers: { origin: node.url, 'content-type': 'application/json' },
    data: JSON.stringify(input ?? {}),
  })
  const body: { result?: { data?: Result } } = await answer.json()
  if (!answer.ok()) throw new Error(`${procedure}: ${answer.status()} ${JSON.stringify(body)}`)
  return body.result?.data as Result
}

/** Gives `context` a session, as if its browser had signed in. */
export async function signIn(
  context: BrowserContext,
  node: Pick<TestNode, 'url'>,
  who: Credentials = owner,
): Promise<void> {
  await mutate(context.request, node, 'auth.login', { name: who.name, password: who.password, cookie: true })
}

/** Runs `work` with the owner's session, without any browser. */
export async function asOwner<Result>(
  node: Pick<TestNode, 'url'>,
  work: (call: <Value>(procedure: string, input?: unknown) => Promise<Value>) => Promise<Result>,
): Promise<Result> {
  const calls = await request.newContext({ ignoreHTTPSErrors: true })
  try {
    await mutate(calls, node, 'auth.login', { name: owner.name, password: owner.password, cookie: true })
    return await work((procedure, input) => mutate(calls, node, procedure, input))
  } finally {
    await calls.dispose()
  }
}

let made = 0

/** A new person with a name that no other spec uses. */
export async function addPerson(
  node: Pick<TestNode, 'url'>,
  person: { role?: string; mustChange?: boolean; displayName?: string } = {},
): Promise<Credentials & { id: string }> {
  made += 1
  const credentials = { name: `person-${process.pid}-${made}`, password: 'copper basin violet ladder' }
  const { id } = await asOwner(node, (call) =>
    call<{ id: string }>('people.add', { ...credentials, ...person }),
  )
  return { ...credentials, id }
}
