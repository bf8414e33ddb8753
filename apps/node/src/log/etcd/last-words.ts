/** What a program that ended said last about why: a crash of Go prints its reason before two dozen lines of its stack. */
export class LastWords {
  private said = { weight: 0, text: '' }

  /** ": REASON", or nothing. */
  get text(): string {
    return this.said.text === '' ? '' : `: ${this.said.text}`
  }

  forget(): void {
    this.said = { weight: 0, text: '' }
  }

  hear(line: string): void {
    const heard = weighed(line)
    if (heard !== null && heard.weight >= this.said.weight) this.said = heard
  }
}

/** By level in its log; plain lines are what it says before it has a log, and crashes. */
function weighed(line: string): { weight: number; text: string } | null {
  try {
    const { level, msg, error } = JSON.parse(line) as { level?: string; msg?: string; error?: string }
    const text = [msg, error].filter(Boolean).join(': ')
    if (level === 'fatal' || level === 'panic') return { weight: 4, text }
    return level === 'error' ? { weight: 2, text } : null
  } catch {
    if (/^(panic|fatal error): /.test(line)) return { weight: 3, text: line }
    // Lines of a stack, and of gRPC's log.
    return /^(\s|goroutine |\d{4}\/|[\w./]+\(|$)/.test(line) ? null : { weight: 1, text: line }
  }
}
