// A user of Signet, the example in examples/esign, without a browser: connects their CRM at the consent page, maps what
// Signet asks for, has a document signed, and edits the deal in the CRM.

import assert from 'node:assert/strict'

const at = (port) => `http://127.0.0.1:${port}`
const [signet, lockstep, hubspot] = [process.env.APP_PORT, process.env.SERVER_PORT, process.env.SANDBOX_PORT].map(at)

const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Tries until there is something, for up to half a minute. */
async function until(what, attempt) {
  for (const end = Date.now() + 30_000; Date.now() < end; await wait(100)) {
    const found = await attempt().catch(() => undefined)
    if (found) return found
  }
  assert.fail(`${what}: not within 30 seconds`)
}

async function ask(url, { method = 'GET', body, headers } = {}) {
  const response = await fetch(url, { method, headers, body: body && JSON.stringify(body) })
  const text = await response.text()
  assert.ok(response.ok, `${method} ${url}: ${response.status} ${text}`)
  return text ? JSON.parse(text) : null
}

const app = (method, path, body) => ask(signet + path, { method, body })
const deals = async () => (await ask(`${hubspot}/__records?object=deals`)).filter((deal) => !deal.archived)

// The page is there, and hears of webhooks.
await until('the example', async () => (await fetch(signet)).ok)
assert.match(await (await fetch(signet)).text(), /<title>Signet<\/title>/)
const heard = []
const stream = (await fetch(`${signet}/events`)).body.pipeThrough(new TextDecoderStream())
;(async () => {
  let rest = ''
  for await (const chunk of stream) {
    const events = (rest + chunk).split('\n\n')
    rest = events.pop()
    for (const event of events) {
      const [, name, data] = event.match(/^event: (.*)\ndata: (.*)$/) ?? []
      if (name === 'webhook') heard.push(JSON.parse(data))
    }
  }
})().catch(() => {})
const webhook = (what, wanted) => until(what, async () => heard.find(wanted))

// What link.js does for the page: the browser API, with the page's token and origin.
const { origin, token, options } = await app('GET', '/session')
assert.equal(origin, lockstep)
assert.match(await (await fetch(`${origin}/link.js`)).text(), /linkCRM/)
const headers = { authorization: `Bearer ${token}`, origin: signet }
const browser = (method, path, body) => ask(`${lockstep}/api/platform_user${path}`, { method, body, headers })
const id = options.connectionID

assert.equal(await app('GET', '/connection'), null, 'nothing is connected yet')
const early = await app('POST', '/documents', { name: 'Too early', amount: 1 })
assert.equal(early.problem.code, 'connection_not_found')
await app('DELETE', `/documents/${early.id}`)

// Connect: from a page of the app through Lockstep's door to the consent page, its own form with its button "Allow", and
// back with the cookie of the door.
const { connection } = await browser('POST', '/connections/hubspot', { id })
const follow = (url, headers) => fetch(url, { headers, redirect: 'manual' })
const door = await follow(connection.authorization.authorize_url, { referer: `${signet}/` })
assert.equal(door.status, 303)
const [cookie] = door.headers.get('set-cookie').split(';')
const consent = await (await fetch(door.headers.get('location'))).text()
const fields = [...consent.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)]
const plain = (text) => text.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(code)).replace(/&amp;/g, '&')
const form = new URLSearchParams(fields.map(([, name, value]) => [name, plain(value)]))
form.set('decision', 'allow')
const allowed = await fetch(`${hubspot}/oauth/authorize`, { method: 'POST', body: form, redirect: 'manual' })
assert.equal((await follow(allowed.headers.get('location'), { cookie })).status, 303)
await until('the connection', async () => (await browser('GET', `/connection/${id}`)).connection.authorization.status === 'active')
await webhook('connection.enabled', ({ event_type }) => event_type === 'connection.enabled')

// Map: what the user chooses in CRM Link.
const { objects } = await browser('POST', `/connection/${id}/crm_setup`, { objects: options.objects })
const { api_objects } = await until('the CRM objects', () => browser('GET', `/connection/${id}/api_objects`))
const { api_object } = await browser('GET', `/connection/${id}/api_objects/deals`)
const pointer = (name) => {
  const found = api_object.selector.children.find((field) => field.api_name === name)
  assert.ok(found, `HubSpot's deals have ${name}`)
  return found.pointer
}
const direct = (slug, name, more) => ({ name: 'direct', field: { slug }, source_pointer: pointer(name), ...more })
const fixed = (static_value, name) => ({ name: 'static', static_value, source_pointer: pointer(name) })
const action = (slug, action_type, transformations) => ({ event: { slug }, action_type, transformations })
const mapping = [{
  crm_object_id: objects[0].id,
  api_object_id: api_objects.find(({ slug }) => slug === 'deals').id,
  transformations: [direct('name', 'dealname'), direct('amount', 'amount')],
  event_actions: [
    action('document_sent', 'create', [direct('name', 'dealname'), direct('amount', 'amount'),
      fixed('default', 'pipeline'), fixed('appointmentscheduled', 'dealstage')]),
    action('document_signed', 'update', [direct('name', 'dealname'),
      { ...direct('signed_at', 'closedate'), name: 'date' }, fixed('closedwon', 'dealstage')]),
    action('document_deleted', 'delete', []),
    action('find_opportunity', 'search', [direct('name', 'dealname', { criteria_operator: 'contains' })]),
  ],
}]
await browser('POST', `/connection/${id}/crm_mapping`, { objects, mapping })
const { crm, status } = await app('GET', '/connection')
assert.deepEqual([crm.slug, status], ['hubspot', 'active'])

// Create: Signet's event makes a deal, as this user wants it.
const sent = await app('POST', '/documents', { name: 'Apple contract', amount: 1200 })
assert.equal(sent.problem, undefined)
assert.deepEqual(sent.crm, { name: 'Apple contract', amount: 1200 })
const [deal] = await deals()
assert.equal(sent.record, `deals:${deal.id}`)
assert.deepEqual([deal.properties.dealname, deal.properties.dealstage], ['Apple contract', 'appointmentscheduled'])

// Search, and update.
const found = await app('GET', '/search?name=Apple')
assert.deepEqual(found.records, [{ type: 'opportunity', id: sent.record, data: sent.crm }])
assert.deepEqual(await app('GET', '/search?name=Pear'), { records: [], next_cursor: null })
const signed = await app('POST', `/documents/${sent.id}/sign`)
assert.equal(signed.crm.name, 'Apple contract (signed)')
assert.equal((await deals())[0].properties.dealstage, 'closedwon')

// Somebody edits the deal in HubSpot: a webhook comes back, and Signet knows.
await webhook('our own change', ({ payload }) => payload.record?.data.name === 'Apple contract (signed)')
await ask(`${hubspot}/__edit`, { method: 'POST', body: { id: deal.id, object: 'deals', properties: { amount: '950' } } })
const { payload } = await webhook('the edit', ({ event_type, payload }) => event_type === 'record.changed' && payload.record.data.amount === 950)
assert.deepEqual([payload.connection.external_id, payload.context.external_id, payload.record.id], [id, 'acme', sent.record])
assert.equal((await app('GET', '/documents'))[0].crm.amount, 950)

// Nobody else can tell Signet anything.
const forged = await fetch(`${signet}/webhooks`, {
  method: 'POST', body: '{}',
  headers: { 'webhook-id': 'x', 'webhook-timestamp': String(Math.floor(Date.now() / 1000)), 'webhook-signature': 'v1,AAAA' },
})
assert.equal(forged.status, 401)

// Delete.
await app('DELETE', `/documents/${sent.id}`)
assert.deepEqual(await deals(), [])
await webhook('the delete', ({ event_type }) => event_type === 'record.deleted')

// Disconnect: from then on Signet's documents are its own alone.
await browser('DELETE', `/connection/${id}`)
await webhook('connection.disabled', ({ event_type }) => event_type === 'connection.disabled')
const alone = await app('POST', '/documents', { name: 'Alone', amount: 1 })
assert.equal(alone.problem.code, 'connection_disabled')
console.log('the example works')
process.exit(0)
