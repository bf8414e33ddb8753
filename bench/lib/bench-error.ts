/** A failure that the person at the terminal can act on: it is printed as one line, without a stack. */
export class BenchError extends Error {
  override name = 'BenchError'
}
