// What the client received, kept for verifiers in other languages.

import type { IncomingHttpHeaders } from 'node:http'

/** One request to the receiver. */
export interface Delivery {
  path: string
  /** When it came, in seconds since 1970. */
  at: number
  headers: IncomingHttpHeaders
  /** The raw body in base64. */
  body: string
}

/** Deliveries, with the secrets that were active at each path. */
export interface Capture {
  secrets: Record<string, string[]>
  deliveries: Delivery[]
}

/** A header that comes at most once. */
export function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}
