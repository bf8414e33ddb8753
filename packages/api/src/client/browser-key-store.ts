/**
 * The device key of a browser: kept in IndexedDB as a key that cannot be exported, so that no script, not even ours, can
 * carry it away.
 */
import { type DeviceKey, deviceKeyOf, generateKeyPair } from './device-key.ts'

const databaseName = 'holdfast'
const storeName = 'keys'
const keyName = 'device'

/** The key of this browser, or null before the first `createBrowserKey`. */
export async function loadBrowserKey(): Promise<DeviceKey | null> {
  const pair = await withStore(
    'readonly',
    (store) => store.get(keyName) as IDBRequest<CryptoKeyPair | undefined>,
  )
  return pair ? deviceKeyOf(pair) : null
}

/** Makes a key for this browser in the place of any former one. */
export async function createBrowserKey(): Promise<DeviceKey> {
  const pair = await generateKeyPair({ extractable: false })
  await withStore('readwrite', (store) => store.put(pair, keyName))
  return deviceKeyOf(pair)
}

export async function removeBrowserKey(): Promise<void> {
  await withStore('readwrite', (store) => store.delete(keyName))
}

/** Runs one request in a transaction of its own and resolves when the transaction is complete. */
async function withStore<T>(
  mode: IDBTransactionMode,
  use: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const database = await open()
  try {
    return await new Promise<T>((resolve, reject) => {
      const transaction = database.transaction(storeName, mode)
      const request = use(transaction.objectStore(storeName))
      transaction.oncomplete = () => resolve(request.result)
      transaction.onabort = () => reject(failure(transaction.error))
      transaction.onerror = () => reject(failure(transaction.error))
    })
  } finally {
    database.close()
  }
}

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(databaseName, 1)
    request.onupgradeneeded = () => request.result.createObjectStore(storeName)
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(failure(request.error))
  })
}

function failure(cause: unknown): Error {
  return new Error(
    'This browser does not keep the device key: its storage for this site is closed or full. Private windows often are.',
    { cause },
  )
}
