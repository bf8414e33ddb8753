/** A message's key holds channel and sequence in one safe integer: no * 2^32 + seq. */
const span = 2 ** 32
/** Channel numbers stay below this so that keys stay safe integers. */
export const maxChannelNo = 2 ** 21 - 1
export const messageKey = (channelNo: number, seq: number): number => channelNo * span + seq
export const seqOf = (key: number): number => key % span
export const channelNoOf = (key: number): number => Math.floor(key / span)
