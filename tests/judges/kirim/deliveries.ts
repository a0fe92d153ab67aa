// Whether a verifier tells real deliveries from others, in Node: node deliveries.js CAPTURE

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { type Capture, header as one } from './capture.js'
import { isGenuine } from './signature.js'

const { secrets, deliveries } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Capture
const marksOf = (header: string) => header.split(',').filter((segment) => segment.startsWith('v1='))
let doubly = 0

for (const { path, at, headers, body: encoded } of deliveries) {
  const body = Buffer.from(encoded, 'base64')
  const header = one(headers, 'x-kirim-signature') ?? ''
  const own = secrets[path] ?? []
  const foreign = Object.entries(secrets).filter(([name]) => name !== path).flatMap(([, all]) => all)
  const time = Number(/t=(\d+)/.exec(header)?.[1])
  const signed = own.filter((secret) => isGenuine(header, body, [secret], at))

  assert.ok(signed.length > 0, `${headers['x-kirim-event-id']} is genuine`)
  assert.equal(signed.length, marksOf(header).length, 'each mark belongs to an active secret')
  if (signed.length > 1) doubly += 1
  assert.ok(isGenuine(header, body, own, time + 300) && isGenuine(header, body, own, time - 300), 'five minutes are allowed')

  const refused: Record<string, Parameters<typeof isGenuine>> = {
    'five minutes and a second old': [header, body, own, time + 301],
    'from the future': [header, body, own, time - 301],
    'under a foreign secret': [header, body, foreign, at],
    'a byte changed': [header, Buffer.from(body.map((byte, n) => n === body.length - 2 ? byte ^ 1 : byte)), own, at],
    'a byte more': [header, Buffer.concat([body, Buffer.from(' ')]), own, at],
    'another time': [header.replace(/t=\d+/, `t=${time + 1}`), body, own, at],
    'no mark': [`t=${time}`, body, own, at],
    'no time': [marksOf(header).join(','), body, own, at],
    'a cut mark': [header.replace(/,.*/, `,${marksOf(header)[0]?.slice(0, -1)}`), body, own, at],
    'no header': [undefined, body, own, at],
    'no secret': [header, body, [], at],
  }
  for (const [what, given] of Object.entries(refused)) assert.equal(isGenuine(...given), false, what)
}
assert.ok(doubly > 0, 'a delivery under two secrets was among them')
console.log(`${deliveries.length} deliveries, ${doubly} under two secrets`)
