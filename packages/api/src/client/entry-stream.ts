import type { Entry } from '../contract/frames.ts'
import type { StateChange } from './connection.ts'
import type { Handler } from './emitter.ts'
import { ConnectionStoppedError } from './errors.ts'

export interface EntrySource {
  onEntry(handler: Handler<Entry>): () => void
  onState(handler: Handler<StateChange>): () => void
  /** Why there will be no more entries; null while there may be. */
  stopped(): ConnectionStoppedError | null
}

const closedMessage = 'The connection was closed by this program.'

/** The end that the application itself has asked for. */
export function closedByProgram(): ConnectionStoppedError {
  return new ConnectionStoppedError('shutting-down', closedMessage)
}

/**
 * Entries as an endless loop. The handler's promise is kept until the loop comes back for the next entry, so whoever
 * delivers goes at the pace of the loop.
 * @throws ConnectionStoppedError when the connection ended otherwise than by the application
 */
export async function* entryStream(source: EntrySource): AsyncGenerator<Entry, void, void> {
  let offer = newOffer()
  let taken: PromiseWithResolvers<void> = Promise.withResolvers()
  const offEntry = source.onEntry((entry) => {
    taken = Promise.withResolvers()
    offer.resolve(entry)
    return taken.promise
  })
  const offState = source.onState(({ state, error }) => {
    if (state === 'stopped') offer.reject(error)
  })
  try {
    for (;;) {
      const stopped = source.stopped()
      if (stopped) offer.reject(stopped)
      const entry = await offer.promise
      offer = newOffer()
      yield entry
      taken.resolve()
    }
  } catch (error) {
    if (!(error instanceof ConnectionStoppedError) || error.message !== closedMessage) throw error
  } finally {
    offEntry()
    offState()
    taken.resolve()
  }
}

function newOffer(): PromiseWithResolvers<Entry> {
  const offer = Promise.withResolvers<Entry>()
  // It may be rejected while the loop's body runs; the loop finds it when it comes back.
  offer.promise.catch(() => {})
  return offer
}
