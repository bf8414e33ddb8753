/** Who has received and who has read an entry, from the members' high-water marks. */
export interface MemberMark {
  person: string
  name: string
  delivered: number
  read: number
}

export interface Receipts {
  read: MemberMark[]
  /** Received it on a device, but did not read it. */
  delivered: MemberMark[]
  /** Has it on no device yet. */
  waiting: MemberMark[]
  /** Everybody but the sender. */
  audience: number
}

export function receipts(marks: readonly MemberMark[], seq: number, sender: string): Receipts {
  const others = marks.filter((mark) => mark.person !== sender)
  return {
    read: others.filter((mark) => mark.read >= seq),
    delivered: others.filter((mark) => mark.read < seq && mark.delivered >= seq),
    waiting: others.filter((mark) => mark.read < seq && mark.delivered < seq),
    audience: others.length,
  }
}

/** One line for under the message. */
export function receiptText({ read, delivered, audience }: Receipts): string {
  if (audience === 0) return 'Stored'
  if (read.length === audience) return audience === 1 ? 'Read' : `Read by all ${audience}`
  if (read.length > 0) return `Read by ${read.length} of ${audience}`
  if (delivered.length === audience) return audience === 1 ? 'Delivered' : `Delivered to all ${audience}`
  if (delivered.length > 0) return `Delivered to ${delivered.length} of ${audience}`
  return 'Sent'
}
