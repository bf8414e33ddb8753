import type { ServerResponse } from 'node:http'

/** For answers that are not pages: nothing in them may run or be framed. */
export const inertPolicy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

/** Features of the browser that the UI does not use and that nothing injected into it should get. */
const refusedFeatures = [
  'accelerometer',
  'camera',
  'display-capture',
  'geolocation',
  'gyroscope',
  'hid',
  'magnetometer',
  'microphone',
  'midi',
  'payment',
  'serial',
  'usb',
]

const always: readonly (readonly [string, string])[] = [
  ['X-Content-Type-Options', 'nosniff'],
  ['Referrer-Policy', 'no-referrer'],
  ['Cross-Origin-Opener-Policy', 'same-origin'],
  ['Cross-Origin-Resource-Policy', 'same-origin'],
  ['Permissions-Policy', refusedFeatures.map((feature) => `${feature}=()`).join(', ')],
  ['Content-Security-Policy', inertPolicy],
  ['Cache-Control', 'no-store'],
]

/** Headers of every answer. A page then puts its own policy and caching over them. */
export function setSecurityHeaders(response: ServerResponse, hstsSeconds: number): void {
  for (const [name, value] of always) response.setHeader(name, value)
  if (hstsSeconds > 0) response.setHeader('Strict-Transport-Security', `max-age=${hstsSeconds}`)
}
