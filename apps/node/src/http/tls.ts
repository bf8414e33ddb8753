import type { SecureContextOptions } from 'node:tls'
import type { TlsMaterial } from './dependencies.ts'

/**
 * Key exchanges in order of preference. The first is safe against a future quantum computer that decrypts what was
 * recorded today; it costs 6 KB of memory per connection, which the budget of 75 KB holds.
 */
const keyExchanges = 'X25519MLKEM768:X25519:P-256'

/** TLS options for new connections. TLS 1.3 only: every client is ours or a current browser. */
export function secureContextOptions(tls: TlsMaterial): SecureContextOptions {
  return {
    key: tls.key,
    cert: tls.cert,
    minVersion: 'TLSv1.3',
    ecdhCurve: keyExchanges,
  }
}
