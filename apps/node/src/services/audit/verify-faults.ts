/** Faults that are told one by one; the rest is only counted, because a verdict must stay small. */
export const maxFaults = 100

/** Collects what does not verify, one sentence each. */
export class Faults {
  readonly #texts: string[] = []
  #more = 0

  get any(): boolean {
    return this.#texts.length > 0
  }

  add(text: string): void {
    if (this.#texts.length < maxFaults) this.#texts.push(text)
    else this.#more++
  }

  list(): string[] {
    return this.#more === 0
      ? this.#texts
      : [...this.#texts, `and ${this.#more} more places that do not verify`]
  }
}

/** "event 3", or "events 3 to 7". */
export function eventRange(from: number, to: number): string {
  return from === to ? `event ${from}` : `events ${from} to ${to}`
}
