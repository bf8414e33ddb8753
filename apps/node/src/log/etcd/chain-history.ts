/** Chains that are remembered to be compared with what others report later. */
export const rememberedChains = 4096
/** Others' chains at indexes that this node has not reached. */
const pendingChains = 64
/** Every so many entries the chain is reported as a mark. */
export const markEvery = 16
export const reportedMarks = 16

export type Mark = [index: number, chain: string]

/** The state chain at the newest indexes, and how others' compare with it. */
export class ChainHistory {
  private readonly chains = new Map<number, string>()
  private readonly ahead = new Map<string, Mark[]>()
  /** By node: the newest places where its chain differs from this node's, oldest first. */
  private readonly differs = new Map<string, Mark[]>()
  private readonly agrees = new Map<string, number>()

  extend(index: number, chain: string): void {
    this.chains.set(index, chain)
    this.chains.delete(index - rememberedChains)
    for (const [nodeId, marks] of this.ahead) {
      if ((marks[0]?.[0] ?? Number.POSITIVE_INFINITY) > index) continue
      for (const mark of marks.filter(([at]) => at <= index)) this.judge(nodeId, mark)
      this.ahead.set(
        nodeId,
        marks.filter(([at]) => at > index),
      )
    }
  }

  /** The newest marks of this node, oldest first. */
  marks(index: number): Mark[] {
    const marks: Mark[] = []
    for (let at = index - (index % markEvery); at > 0 && marks.length < reportedMarks; at -= markEvery) {
      const chain = this.chains.get(at)
      if (chain === undefined) break
      marks.unshift([at, chain])
    }
    return marks
  }

  /** What another node says of its chain. */
  hear(nodeId: string, index: number, marks: readonly Mark[]): void {
    const waiting = this.ahead.get(nodeId) ?? []
    const last = waiting.at(-1)?.[0] ?? 0
    for (const mark of marks)
      if (mark[0] <= index) this.judge(nodeId, mark)
      else if (mark[0] > last && waiting.length < pendingChains) waiting.push(mark)
    this.ahead.set(nodeId, waiting)
  }

  forget(nodeId: string): void {
    this.ahead.delete(nodeId)
    this.differs.delete(nodeId)
    this.agrees.delete(nodeId)
  }

  /** Whether the node's chain equals this one's; null when both were never known at one index. */
  agreement(nodeId: string): boolean | null {
    if (this.differs.has(nodeId)) return false
    return this.agrees.has(nodeId) ? true : null
  }

  /** The newest place where the node's chain is known to have equalled this one's; 0 when none is. */
  agreedAt(nodeId: string): number {
    return this.agrees.get(nodeId) ?? 0
  }

  /** Nodes whose chain differs, with the newest places, oldest first. */
  disagreements(): ReadonlyMap<string, readonly Mark[]> {
    return this.differs
  }

  private judge(nodeId: string, [index, chain]: Mark): void {
    const own = this.chains.get(index)
    if (own === undefined) return
    const marks = this.differs.get(nodeId)
    if (own === chain) {
      this.agrees.set(nodeId, index)
      // It was restored since.
      if ((marks?.at(-1)?.[0] ?? Number.POSITIVE_INFINITY) <= index) this.differs.delete(nodeId)
    } else if (marks === undefined) this.differs.set(nodeId, [[index, chain]])
    else if (index > (marks.at(-1)?.[0] ?? 0)) {
      marks.push([index, chain])
      if (marks.length > pendingChains) marks.shift()
    }
  }
}
