/** Calls over HTTP when nodes are away, silent or cut off. */
import { createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { createApi, type Fetch } from './api.ts'
import { UnreachableError } from './errors.ts'
import { createFailover } from './failover.ts'
import { createNodeFetch } from './node.ts'
import { NodeList } from './node-list.ts'

const urls = ['https://a:1', 'https://b:1', 'https://c:1']

/** What each node does with a request, by its host's name. */
type Behaviour = 'answers' | 'refuses' | 'breaks' | 'hangs' | 'stops'

function makeNodes(behaviour: Record<string, Behaviour>, options: Partial<{ repeatable: boolean }> = {}) {
  const asked: string[] = []
  const aborted: string[] = []
  const send: Fetch = (url, init) => {
    const { hostname } = new URL(url)
    asked.push(hostname)
    switch (behaviour[hostname]) {
      case 'answers':
        return Promise.resolve(new Response(hostname))
      case 'stops':
        return Promise.resolve(new Response(null, { status: 503 }))
      case 'refuses':
        return Promise.reject(new UnreachableError(`${hostname} refused.`, { mayHaveArrived: false }))
      case 'breaks':
        return Promise.reject(new UnreachableError(`${hostname} broke.`))
      default:
        return new Promise((_, reject) =>
          init.signal?.addEventListener('abort', () => {
            aborted.push(hostname)
            reject(new Error('aborted'))
          }),
        )
    }
  }
  const nodes = new NodeList(urls)
  const call = createFailover({ nodes, send, hedgeMs: 10, repeatable: false, ...options })
  const get = (): Promise<string> => call('/x', { method: 'GET' }, () => {}).then((answer) => answer.text())
  const post = (): Promise<string> => call('/x', { method: 'POST' }, () => {}).then((answer) => answer.text())
  return { nodes, asked, aborted, get, post }
}

describe('a query', () => {
  test('goes on at the next node whatever went wrong, and begins there next time', async () => {
    for (const wrong of ['refuses', 'breaks', 'stops'] as const) {
      const { asked, get } = makeNodes({ a: wrong, b: 'answers', c: 'answers' })
      expect(await get()).toBe('b')
      expect(await get()).toBe('b')
      expect(asked).toEqual(['a', 'b', 'b'])
    }
  })

  test('is asked of the next node too when the first takes long, and the slower one is let go', async () => {
    const { aborted, get } = makeNodes({ a: 'hangs', b: 'hangs', c: 'answers' })
    expect(await get()).toBe('c')
    expect(aborted).toEqual(['a', 'b'])
  })

  test('fails in one line when no node answers', async () => {
    const { get } = makeNodes({ a: 'refuses', b: 'breaks', c: 'refuses' })
    await expect(get()).rejects.toThrow('None of 3 nodes answered; the last: c refused.')
  })

  test('brings the refusal of a node that stops when there is nothing better', async () => {
    const { get } = makeNodes({ a: 'stops', b: 'breaks', c: 'refuses' })
    expect(await get()).toBe('')
  })
})

describe('a mutation', () => {
  test('goes on at the next node when it surely did not arrive', async () => {
    const { asked, post } = makeNodes({ a: 'refuses', b: 'refuses', c: 'answers' })
    expect(await post()).toBe('c')
    expect(asked).toEqual(['a', 'b', 'c'])
  })

  test('is never made twice: when it may have arrived, that is said', async () => {
    const { asked, post } = makeNodes({ a: 'breaks', b: 'answers', c: 'answers' })
    await expect(post()).rejects.toThrow(/^It is not known whether this was done: a broke\./)
    expect(asked).toEqual(['a'])
    // The next call begins elsewhere.
    expect(await post()).toBe('b')
  })

  test('is made again where that does no harm', async () => {
    const { asked, post } = makeNodes({ a: 'breaks', b: 'answers', c: 'answers' }, { repeatable: true })
    expect(await post()).toBe('b')
    expect(asked).toEqual(['a', 'b'])
  })
})

test('nodes are looked for when none of the known ones answers, for a mutation only when it is safe', async () => {
  let looks = 0
  for (const [first, method] of [
    ['refuses', 'POST'],
    ['breaks', 'GET'],
    ['breaks', 'POST'],
  ] as const) {
    const nodes = new NodeList(['https://a:1'], {
      discover: async () => {
        looks += 1
        return ['https://b:1']
      },
    })
    const send: Fetch = (url) =>
      url.startsWith('https://b:1')
        ? Promise.resolve(new Response('found'))
        : Promise.reject(new UnreachableError('a.', { mayHaveArrived: first === 'breaks' }))
    const call = createFailover({ nodes, send, hedgeMs: 10, repeatable: false })
    const answer = call('/x', { method }, () => {})
    if (method === 'POST' && first === 'breaks') await expect(answer).rejects.toThrow(/not known/)
    else expect(await (await answer).text()).toBe('found')
  }
  expect(looks).toBe(2)
})

describe('a cluster without a quorum', () => {
  /** Nodes that refuse so many times, then answer. */
  function refusing(times: number, retryAfterMs: number | null) {
    const asked: string[] = []
    const fetch: Fetch = async (url) => {
      asked.push(new URL(url).hostname)
      const refuses = asked.length <= times
      const data = { holdfast: 'no-quorum', ...(retryAfterMs === null ? {} : { retryAfterMs }) }
      const body = refuses
        ? { error: { message: 'No quorum.', code: -32603, data } }
        : { result: { data: null } }
      return new Response(JSON.stringify(body), {
        status: refuses ? 503 : 200,
        headers: { 'content-type': 'application/json' },
      })
    }
    return { asked, fetch, urls: ['https://a:1', 'https://b:1'] }
  }

  test('is begun with last', async () => {
    const { asked, ...nodes } = refusing(2, 1000)
    const api = createApi({ ...nodes, quorumWaitMs: 0 })
    for (let i = 0; i < 2; i++)
      await expect(api.auth.logout.mutate()).rejects.toMatchObject({ code: 'no-quorum' })
    expect(asked).toEqual(['a', 'b'])
  })

  test('regression: is asked again, at the other node, until it has chosen a leader', async () => {
    const { asked, ...nodes } = refusing(3, 1000)
    await createApi(nodes).auth.logout.mutate()
    expect(asked).toHaveLength(4)
    expect(asked.slice(0, 2)).toEqual(['a', 'b'])
  })

  test('is not asked again for what may be half done', async () => {
    const { asked, ...nodes } = refusing(3, null)
    await expect(createApi(nodes).auth.logout.mutate()).rejects.toMatchObject({ code: 'no-quorum' })
    expect(asked).toEqual(['a'])
  })
})

describe('the fetch of Node knows whether a request can have arrived', () => {
  const servers: Server[] = []
  const sockets = new Set<Socket>()
  afterEach(async () => {
    for (const socket of sockets) socket.destroy()
    await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))))
  })

  async function listen(onSocket: (socket: Socket) => void): Promise<string> {
    const server = createTcpServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => {})
      onSocket(socket)
    })
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    return `https://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  }

  test.each([
    ['nobody listens', async () => 'https://127.0.0.1:1'],
    ['the other side hangs up at once', () => listen((socket) => socket.destroy())],
    ['the other side never speaks TLS', () => listen(() => {})],
  ])('%s: it did not', async (_, start) => {
    using fetch = createNodeFetch({})
    const failure = await fetch(`${await start()}/x`, { method: 'POST', body: '{}' }).catch((e: unknown) => e)
    expect(failure).toMatchObject({ name: 'UnreachableError', mayHaveArrived: false })
  })
})
