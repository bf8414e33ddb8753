/** What a committed batch asks its node to do; told in order. */
export type Effect =
  | EntriesEffect
  /** Rows that memory must read again. */
  | { e: 'changed'; kind: RecordKind; id: string }
  | { e: 'marks'; marks: MarkRow[] }
  | { e: 'audit'; seq: number; event: string; hash: Uint8Array }
  /** Entries up to this sequence are gone. */
  | { e: 'expired'; channelNo: number; floor: number }

/** New entries of one channel: the frames' JSON texts joined by commas, ready to be sent as they are. */
export interface EntriesEffect {
  e: 'entries'
  channelNo: number
  head: number
  count: number
  text: string
}

export type RecordKind =
  | 'person'
  | 'channel'
  | 'group'
  | 'session'
  | 'device'
  | 'setting'
  | 'node'
  | 'checkpoint'
/** channelNo, personNo, delivered, read */
export type MarkRow = [number, number, number, number]
