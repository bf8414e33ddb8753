const wordCount = 4_000
const consonants = 'bcdfghjklmnprstvwz'
const vowels = 'aeiou'

/**
 * Texts of made-up words, the same on every run: full-text indexes get something to index, and no body
 * is a run of one letter that a compressor or a tokenizer would take for free.
 */
export class Texts {
  #state = 1
  readonly words: readonly string[] = Array.from({ length: wordCount }, () => this.#word())

  /** A text of exactly `bytes` ASCII characters. */
  text(bytes: number): string {
    let text = ''
    while (text.length < bytes) text += `${this.words[this.#below(wordCount)]} `
    return text.slice(0, bytes).replace(/ $/, '.')
  }

  #word(): string {
    const syllables = 2 + this.#below(2)
    let word = ''
    for (let index = 0; index < syllables; index++)
      word += consonants[this.#below(consonants.length)]! + vowels[this.#below(vowels.length)]!
    return word
  }

  /** A linear congruential generator with the constants of Numerical Recipes. */
  #below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((this.#state / 2 ** 32) * limit)
  }
}
