/**
 * Addresses of the cluster's other nodes. They are kept in this browser, because they are wanted when the node of this
 * page does not answer any more. Each node is an origin of its own, with a session of its own: people go there by a link.
 */
export interface OtherNode {
  name: string
  url: string
}

const storageKey = 'holdfast-nodes'
/** Members that a cluster can have are five; more is not ours. */
const mostNodes = 16
const longestText = 200

let nodes: readonly OtherNode[] | null = null
const listeners = new Set<() => void>()
const none: readonly OtherNode[] = []

/** Takes over what the node says; nothing when it says nothing of others. */
export function rememberNodes(others: readonly OtherNode[]): void {
  const next = others.filter(isNode).slice(0, mostNodes)
  if (JSON.stringify(next) === JSON.stringify(otherNodes())) return
  nodes = next
  try {
    localStorage.setItem(storageKey, JSON.stringify(next))
  } catch {
    // A browser that keeps nothing still has them for this page.
  }
  for (const listener of listeners) listener()
}

export function otherNodes(): readonly OtherNode[] {
  nodes ??= load()
  return nodes
}

export function subscribeOtherNodes(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** The same page at another node. */
export function pageAt(node: OtherNode, place: { pathname: string; search: string }): string {
  return `${node.url}${place.pathname}${place.search}`
}

function load(): readonly OtherNode[] {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(storageKey) ?? '[]')
    return Array.isArray(value) ? value.filter(isNode).slice(0, mostNodes) : none
  } catch {
    return none
  }
}

function isNode(value: unknown): value is OtherNode {
  if (typeof value !== 'object' || value === null || !('name' in value) || !('url' in value)) return false
  const { name, url } = value
  if (typeof name !== 'string' || typeof url !== 'string') return false
  if (name.length > longestText || url.length > longestText || !URL.canParse(url)) return false
  // Nothing but a node's address may become a link.
  const { protocol, origin } = new URL(url)
  return protocol === 'https:' && origin === url
}
