// Whether a delivery comes from Kirim, by the rules of its page on signatures: the header
// `X-Kirim-Signature: t=SECONDS,v1=HEX[,v1=HEX…]`, where each v1 is an HMAC-SHA256 over `SECONDS.BODY` under one secret.

import { createHmac, timingSafeEqual } from 'node:crypto'

const TOLERANCE_SECONDS = 300

/** `header` is X-Kirim-Signature, `body` the raw bytes, `secrets` all that are active, `now` seconds since 1970. */
export function isGenuine(header: string | undefined, body: Uint8Array, secrets: string[], now: number): boolean {
  const segments = (header ?? '').split(',').map((segment) => {
    const at = segment.indexOf('=')
    return { name: segment.slice(0, at), value: segment.slice(at + 1) }
  })
  const at = segments.find(({ name }) => name === 't')?.value ?? ''
  if (!/^\d{1,12}$/.test(at) || Math.abs(now - Number(at)) > TOLERANCE_SECONDS) return false
  const marks = segments.filter(({ name, value }) => name === 'v1' && /^[0-9a-f]{64}$/.test(value))
    .map(({ value }) => Buffer.from(value, 'hex'))
  return secrets.some((secret) => {
    const wanted = createHmac('sha256', secret).update(`${at}.`).update(body).digest()
    return marks.some((mark) => timingSafeEqual(mark, wanted))
  })
}
