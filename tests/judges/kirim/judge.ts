// Lets the integration of client.ts work against a Lockstep, with a CRM in memory, and looks at what both sides know
// afterwards: node judge.js META_SANDBOX USER_ID CAPTURE, where the deliveries are kept in CAPTURE for other verifiers.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { type Capture, type Delivery, header } from './capture.js'
import {
  type Contact, type Conversation, type Crm, type One, type Page, type Person,
  endpoint, escalate, kirim, labelSegment, pushPerson, syncSince,
} from './client.js'

const [meta = '', user = '', capture = ''] = process.argv.slice(2)
const PEOPLE = 2500
const phoneOf = (n: number) => `+62811${String(n).padStart(7, '0')}`

/** A CRM in memory: people by phone number, who looks after which conversation, and every patch that came. */
class Memory implements Crm {
  people = new Map<string, Person>()
  assigned = new Map<string, string | null>()
  patches: { phone: string, fields: Partial<Contact> }[] = []
  upsert(person: Person) { this.people.set(person.phone, { ...this.people.get(person.phone), ...person }) }
  patch(phone: string, fields: Partial<Contact>) {
    this.patches.push({ phone, fields })
    const person = this.people.get(phone)
    if (person) Object.assign(person, fields)
  }
  assign(conversation: string, to: string | null) { this.assigned.set(conversation, to) }
}

/** Waits until `holds` does; what arrives by webhook takes a moment. */
async function until(what: string | (() => string), holds: () => boolean, seconds = 60) {
  const end = Date.now() + seconds * 1000
  while (!holds()) {
    assert.ok(Date.now() < end, `after ${seconds} s still not: ${typeof what === 'function' ? what() : what}`)
    await new Promise((wake) => setTimeout(wake, 20))
  }
}

/** Runs `work` for each item, 20 at a time. */
async function each<T>(items: T[], work: (item: T) => Promise<unknown>) {
  const queue = items.values()
  await Promise.all(Array.from({ length: 20 }, async () => { for (const item of queue) await work(item) }))
}

type Handler = (headers: IncomingHttpHeaders, body: Buffer) => Promise<number>

const crm = new Memory()
const kept: Delivery[] = []
const answers: { path: string, status: number }[] = []
/** Path of the receiver → what handles its deliveries. */
const handlers = new Map<string, Handler>()
const receiver = createServer(async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const body = Buffer.concat(chunks)
  const path = request.url ?? ''
  kept.push({ path, at: Date.now() / 1000, headers: request.headers, body: body.toString('base64') })
  const handled = handlers.get(path)?.(request.headers, body) ?? Promise.resolve(404)
  const status = await handled.catch((error: unknown) => { console.error(error); return 500 })
  answers.push({ path, status })
  response.writeHead(status).end()
}).listen(0, '127.0.0.1')
await once(receiver, 'listening')

/** Subscribes a path of the receiver; the secrets may grow later. */
async function subscribe(path: string, events: string[], handlerOf: (secrets: string[]) => Handler) {
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}${path}`
  const { data } = await kirim<One<{ id: string, initial_secret: string }>>('POST', 'webhook_subscriptions', { url, events })
  const secrets = [data.initial_secret]
  handlers.set(path, handlerOf(secrets))
  return { id: data.id, secrets }
}

/** A person of the CRM comes to Kirim twice; answers a check to make at the end. */
async function personIsPushed() {
  const person = { id: 'crm-1', phone: phoneOf(9_000_000), name: 'Ana', email: 'ana@example.com', segment: 'new' }
  const made = await pushPerson(person)
  assert.match(made.id, /^ctc_[0-9A-HJKMNP-TV-Z]{26}$/, 'a contact id as documented')
  assert.equal(made.phone_number, person.phone)
  await until('contact.created of the pushed person', () => crm.people.has(person.phone))
  assert.equal(crm.people.get(person.phone)?.source, 'kirim_api')
  assert.equal(crm.people.get(person.phone)?.kirimContactId, made.id)

  await kirim('PATCH', `contacts/${made.id}`, { metadata: { theirs: 'stays' } })
  const changed = await pushPerson({ ...person, name: 'Ana B', segment: 'loyal' })
  assert.equal(changed.id, made.id, 'the second push changes the same contact')
  assert.deepEqual(changed.metadata, { crm_id: 'crm-1', crm_segment: 'loyal', theirs: 'stays' })
  const named = () => crm.patches.filter((patch) => patch.phone === person.phone && 'name' in patch.fields)
  await until('contact.updated of the pushed person', () => named().length > 0)
  assert.deepEqual(Object.keys(named()[0]?.fields ?? {}).sort(), ['metadata', 'name'], 'only what changed is told')
  assert.equal(crm.people.get(person.phone)?.name, 'Ana B')
  const found = await kirim<Page<Contact>>('GET', `contacts?phone=${encodeURIComponent(person.phone)}`)
  assert.equal(found.data.length, 1, 'one contact of that number')
  const before = crm.patches.length
  await pushPerson({ ...person, name: 'Ana B', segment: 'loyal' })
  return () => assert.equal(named().length, 1, `a push that changes nothing is no event (${crm.patches.length - before} since)`)
}

async function allArePaged() {
  const newest = await kirim<Page<Contact>>('GET', 'contacts?limit=1')
  const started = new Date(newest.data[0]?.updated_at ?? NaN)
  const phones = Array.from({ length: PEOPLE }, (_, n) => phoneOf(n))
  await each(phones, (phone) => kirim('POST', 'contacts', { phone_number: phone, name: `Person ${phone}` }))
  const all = new Memory()
  const pages = await syncSince(new Date(0), all)
  assert.equal(all.people.size, PEOPLE + 1, 'every contact was on some page')
  assert.equal(pages, Math.ceil((PEOPLE + 1) / 100), 'no page was short or empty')
  const young = new Memory()
  await syncSince(started, young)
  assert.equal(young.people.size, PEOPLE, 'exactly those who came after the watermark')
  const missing = () => phones.filter((phone) => crm.people.get(phone)?.source !== 'kirim_api')
  await until(() => `contact.created of all; ${missing().length} of ${PEOPLE} are missing`, () => missing().length === 0, 120)
  return phones.map((phone) => all.people.get(phone)?.kirimContactId ?? '')
}

async function segmentIsLabelled(ids: string[]) {
  const { data: label } = await kirim<One<{ id: string }>>('POST', 'labels', { name: 'Stale', color: 'amber' })
  const stranger = `ctc_${'0'.repeat(26)}`
  const before = crm.patches.length
  const first = await labelSegment([...ids, stranger], label.id)
  assert.deepEqual(first, { applied: PEOPLE, skipped_cross_org: 1, skipped_team_mismatch: 0 })
  const phones = () => new Set(crm.patches.slice(before).map((patch) => patch.phone))
  await until(() => `contact.updated of all labelled; ${phones().size} of ${PEOPLE} came`, () => phones().size === PEOPLE, 120)
  const fields = crm.patches.slice(before).flatMap((patch) => Object.keys(patch.fields))
  assert.deepEqual(fields, [], 'a label is no member of a contact: nothing to patch')
  assert.deepEqual(await labelSegment(ids, label.id), { applied: PEOPLE, skipped_cross_org: 0, skipped_team_mismatch: 0 })
}

async function conversationIsRouted() {
  const customer = '6281399990001'
  const said = await fetch(`${meta}/__say`, { method: 'POST', body: JSON.stringify({ from: customer, name: 'Budi', text: 'My money back, please' }) })
  assert.ok(said.ok, `the sandbox answered ${said.status}`)
  await until('contact.created of who wrote', () => crm.people.has(`+${customer}`))
  const person = crm.people.get(`+${customer}`)
  assert.equal(person?.source, 'kirim_inbound')
  const { data: [conversation] } = await kirim<Page<Conversation>>('GET', `conversations?contact_id=${person?.kirimContactId}`)
  assert.ok(conversation, 'who wrote has a conversation')
  assert.equal(conversation.status, 'open')
  assert.equal(conversation.unread_count, 1)
  const { data: label } = await kirim<One<{ id: string }>>('POST', 'labels', { name: 'Refund request' })
  const routed = await escalate(conversation.id, label.id, user)
  assert.equal(routed.assignee?.id, user)
  await until('conversation.assigned', () => crm.assigned.get(conversation.id) === user)
  const released = await kirim<One<Conversation>>('PATCH', `conversations/${conversation.id}`, { assigned_to: null })
  assert.equal(released.data.assignee, null)
  await until('conversation.assigned to nobody', () => crm.assigned.get(conversation.id) === null)
}

/** Deliveries under two secrets at once, and under a secret of another subscription. */
async function secretIsRotated({ id, secrets }: { id: string, secrets: string[] }) {
  const { data } = await kirim<One<{ secret: string }>>('POST', `webhook_subscriptions/${id}/secrets`, { expires_in_hours: 1 })
  secrets.push(data.secret)
  const phone = phoneOf(9_000_001)
  await kirim('POST', 'contacts', { phone_number: phone, name: 'After the rotation' })
  await until('contact.created after the rotation', () => crm.people.has(phone))
}

const main = await subscribe('/kirim', ['contact.created', 'contact.updated', 'conversation.assigned'], (secrets) => endpoint(secrets, crm))
// Another subscriber: it is down for its first delivery, which has to come again.
let down = true
const late = new Memory()
const other = await subscribe('/other', ['conversation.assigned', 'contact.created'], (secrets) => {
  const handle = endpoint(secrets, late)
  return async (headers, body) => {
    if (!down) return handle(headers, body)
    down = false
    return 503
  }
})
const quiet = await personIsPushed()
const ids = await allArePaged()
await segmentIsLabelled(ids)
await conversationIsRouted()
await secretIsRotated(main)
await until(() => `the delivery that was refused first comes again; ${late.people.size} came`, () => late.people.size === PEOPLE + 3)
quiet()
assert.deepEqual(answers.filter(({ path, status }) => path === '/kirim' && status !== 200), [], 'every signature was good')
assert.equal(answers.filter(({ status }) => status !== 200).length, 1, 'only the delivery that found the receiver down failed')
const again = kept.find(({ path, headers }) => path === '/other' && header(headers, 'x-kirim-attempt') === '2')
assert.ok(again, 'the second attempt says that it is one')

const deliveries = [...kept.filter(({ path }) => path === '/kirim').slice(-40), ...kept.filter(({ path }) => path === '/other').slice(-40), again]
const captured: Capture = { secrets: { '/kirim': main.secrets, '/other': other.secrets }, deliveries }
writeFileSync(capture, JSON.stringify(captured))
console.log(`${kept.length} deliveries, ${crm.people.size} people`)
receiver.close()
receiver.closeAllConnections()
