import { HoldfastError } from '@holdfast/api/contract/errors'
import { type ClientFrame, type ClientFrameType, clientFrames } from '@holdfast/api/contract/frames'
import { limits } from '@holdfast/api/contract/limits'
import { allowed, type Role } from '@holdfast/api/contract/policy'
import type { RawData } from 'ws'
import type { Connection } from './connection.ts'

/** Why a frame was not taken. `counts`: a well-made client never causes it. */
export interface Fault {
  error: HoldfastError
  id: number | string | undefined
  counts: boolean
}

export interface FrameHandlers {
  /** Handles one parsed value; returns what is wrong with it, or null. */
  handle(connection: Connection, frame: unknown): Fault | null
}

/** The frames of one WebSocket message, or why it is none: text, JSON, an object or a bounded array. */
export function parseFrames(data: RawData, isBinary: boolean): unknown[] | HoldfastError {
  if (isBinary) return new HoldfastError('bad-request', 'Frames are JSON text; this message was binary.')
  let value: unknown
  try {
    value = JSON.parse(data.toString())
  } catch {
    return new HoldfastError('bad-request', 'This message is not JSON.')
  }
  if (!Array.isArray(value)) return [value]
  if (value.length > limits.framesPerArray)
    return new HoldfastError('bad-request', `An array holds at most ${limits.framesPerArray} frames.`)
  return value
}

/** A frame of the protocol, or what is wrong with it. */
export function checkFrame(value: unknown): ClientFrame | Fault {
  const type = (value as { t?: unknown } | null)?.t
  if (typeof type !== 'string' || !Object.hasOwn(clientFrames, type)) {
    return {
      error: new HoldfastError(
        'bad-request',
        'A frame is an object whose "t" is one of the protocol\'s types.',
      ),
      id: undefined,
      counts: true,
    }
  }
  const parsed = clientFrames[type as ClientFrameType].safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const where = issue && issue.path.length > 0 ? `${issue.path.join('.')}: ` : ''
  return {
    error: new HoldfastError(
      'bad-request',
      `Frame ${type}: ${where}${issue?.message ?? 'not valid'}`.slice(0, 300),
    ),
    id: frameId(value),
    counts: true,
  }
}

/** Whether the role takes part in talk; the policy's row for resuming stands for all of it. */
export const takesPart = (role: Role): boolean => allowed('frame.sync', role)

/** The id by which the client knows its frame, if it has a sane one. */
export function frameId(value: unknown): number | string | undefined {
  const id = (value as { id?: unknown }).id
  if (typeof id === 'number' && Number.isSafeInteger(id)) return id
  return typeof id === 'string' && id.length <= limits.clientIdLength ? id : undefined
}
