/** Reads DER (ITU-T X.690) as far as signed messages need it: every value is its tag, its contents and its own bytes. */

export interface DerValue {
  tag: number
  contents: Buffer
  /** Tag, length and contents. */
  whole: Buffer
}

export const derTags = {
  octets: 0x04,
  oid: 0x06,
  sequence: 0x30,
  set: 0x31,
  /** `[0]`, constructed. */
  context0: 0xa0,
} as const

/** Lengths of more bytes than these are over every bound. */
const maxLengthBytes = 4
/** Values side by side that are read. */
const maxValues = 1000

export class DerError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'DerError'
  }
}

/** The values that fill `bytes`. @throws DerError */
export function derValues(bytes: Buffer): DerValue[] {
  const values: DerValue[] = []
  for (let at = 0; at < bytes.length; ) {
    const value = valueAt(bytes.subarray(at))
    values.push(value)
    at += value.whole.length
    if (values.length > maxValues) throw new DerError('it holds too many values')
  }
  return values
}

/** The values inside a value that must have this tag. @throws DerError */
export function derInside(value: DerValue | undefined, tag: number): DerValue[] {
  return derValues(derContents(value, tag))
}

/** The contents of a value that must have this tag. @throws DerError */
export function derContents(value: DerValue | undefined, tag: number): Buffer {
  if (value === undefined || value.tag !== tag)
    throw new DerError(`no value with the tag ${tag.toString(16)}`)
  return value.contents
}

/** An object identifier with dots. @throws DerError */
export function derOid(value: DerValue | undefined): string {
  const arcs: number[] = []
  let arc = 0
  for (const byte of derContents(value, derTags.oid)) {
    arc = arc * 128 + (byte & 0x7f)
    if (!Number.isSafeInteger(arc)) throw new DerError('an identifier is too long')
    if (byte & 0x80) continue
    if (arcs.length > 0) arcs.push(arc)
    else arcs.push(Math.min(2, Math.floor(arc / 40)), arc - 40 * Math.min(2, Math.floor(arc / 40)))
    arc = 0
  }
  return arcs.join('.')
}

function valueAt(bytes: Buffer): DerValue {
  const [tag, first] = bytes
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw new DerError('it is no DER')
  let start = 2
  let length = first
  if (first & 0x80) {
    const count = first & 0x7f
    if (count === 0 || count > maxLengthBytes || bytes.length < 2 + count)
      throw new DerError('a length is wrong')
    length = bytes.readUIntBE(2, count)
    start += count
  }
  if (start + length > bytes.length) throw new DerError('it ends too early')
  return {
    tag,
    contents: bytes.subarray(start, start + length),
    whole: bytes.subarray(0, start + length),
  }
}
