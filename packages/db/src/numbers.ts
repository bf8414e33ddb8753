/** A row with its BigInt columns as numbers, at any depth. */
export type WithNumbers<T> = T extends bigint
  ? number
  : T extends Uint8Array | Date
    ? T
    : T extends (infer Item)[]
      ? WithNumbers<Item>[]
      : T extends object
        ? { [Key in keyof T]: WithNumbers<T[Key]> }
        : T

/**
 * Turns the BigInt columns of Prisma's answer (times in milliseconds) into numbers, since JSON has no BigInt.
 * @throws RangeError when a value is beyond what a number holds exactly
 */
export function withNumbers<T>(value: T): WithNumbers<T> {
  return convert(value) as WithNumbers<T>
}

function convert(value: unknown): unknown {
  if (typeof value === 'bigint') return toNumber(value)
  if (Array.isArray(value)) return value.map(convert)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array || value instanceof Date) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, convert(item)]))
}

function toNumber(value: bigint): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw new RangeError(`${value} is beyond what a number holds exactly`)
  return number
}
