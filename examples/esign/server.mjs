// Signet, an app that has documents signed. Each user decides in CRM Link what its events do in their own CRM: this code
// knows no CRM and names none of its fields.

import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { setTimeout } from 'node:timers/promises'

const { LOCKSTEP_SERVER, PUBLISHABLE_KEY, SECRET_KEY, WEBHOOK_SECRET, PORT = '3000' } = process.env

/** What Signet reads of a CRM and what it tells one. */
const OBJECTS = {
  opportunity: {
    label: 'Opportunity',
    description: 'The deal that a document is about.',
    fields: {
      name: { type: 'string', label: 'Name' },
      amount: { type: 'number', label: 'Amount' },
    },
    events: {
      document_sent: {
        type: 'create',
        label: 'Document sent',
        description: 'A document was sent to be signed.',
        payloadSchema: {
          name: { type: 'string', label: 'Document name' },
          amount: { type: 'number', label: 'Amount of the contract' },
        },
      },
      document_signed: {
        type: 'update',
        label: 'Document signed',
        description: 'Everybody has signed.',
        payloadSchema: {
          name: { type: 'string', label: 'Document name' },
          signed_at: { type: 'string', format: 'datetime', label: 'Signed at' },
        },
      },
      document_deleted: {
        type: 'delete',
        label: 'Document deleted',
        description: 'The document was withdrawn.',
        payloadSchema: { deleted_at: { type: 'string', format: 'datetime', label: 'Deleted at' } },
      },
      find_opportunity: {
        type: 'search',
        label: 'Find an opportunity',
        description: 'Somebody looks for the deal of a document.',
        payloadSchema: { name: { type: 'string', label: 'Name' } },
      },
    },
  },
}

// Signet's own data. A real app has users who sign in and a database; here everybody is of the team Acme.
const TEAM = { external_id: 'acme', external_name: 'Acme' }
const documents = new Map()

// ---- The CRM API --------------------------------------------------------------------------------------------------

const BASIC = `Basic ${Buffer.from(`${PUBLISHABLE_KEY}:${SECRET_KEY}`).toString('base64')}`
// One connection for each team, so its id is the team's.
const OPPORTUNITIES = `/api/v1/crm/${TEAM.external_id}/objects/opportunity`

/** Calls Lockstep, shows the page what was said, and answers `{ok, status, body}`. */
async function call(method, path, body, idempotencyKey) {
  const headers = { authorization: BASIC, 'content-type': 'application/json' }
  if (idempotencyKey) headers['idempotency-key'] = idempotencyKey
  const ask = () => fetch(LOCKSTEP_SERVER + path, { method, headers, body: body && JSON.stringify(body) })
  let response = await ask()
  // The CRM account's limit is used for now, and nothing was written.
  if (response.status === 429) {
    await setTimeout(Number(response.headers.get('retry-after')) * 1000)
    response = await ask()
  }
  const text = await response.text()
  const answer = { ok: response.ok, status: response.status, body: text ? JSON.parse(text) : null }
  show('call', { request: `${method} ${path}`, sent: body, ...answer })
  return answer
}

/**
 * Tells the CRM of an event. The key is the same each time that the same event of the same document is told: after a
 * lost answer nothing happens twice.
 */
function invoke(document, event, payload) {
  const at = document.record ? `/${encodeURIComponent(document.record)}` : ''
  return call('POST', `${OPPORTUNITIES}${at}/events/${event}`, { payload }, `${event}:${document.id}`)
}

/** Keeps the record that the CRM made, and asks to be told when somebody changes it there. */
async function follow(document, answer) {
  const record = answer.body?.record
  // No record: the user does not want one, or the CRM's own automation makes it.
  if (!record) return
  document.record = record.id
  document.crm = record.data
  await call('POST', `${OPPORTUNITIES}/${encodeURIComponent(record.id)}/subscriptions`)
}

// ---- What users do ------------------------------------------------------------------------------------------------

async function send({ name, amount }) {
  const document = { id: randomUUID(), name: String(name), amount: Number(amount), state: 'sent' }
  documents.set(document.id, document)
  const answer = await invoke(document, 'document_sent', { name: document.name, amount: document.amount })
  if (answer.ok) await follow(document, answer)
  else document.problem = answer.body
  return document
}

async function sign(document) {
  document.state = 'signed'
  if (!document.record) return document
  const payload = { name: `${document.name} (signed)`, signed_at: new Date().toISOString() }
  const answer = await invoke(document, 'document_signed', payload)
  document.problem = answer.ok ? undefined : answer.body
  if (answer.ok && answer.body.record) document.crm = answer.body.record.data
  return document
}

async function withdraw(document) {
  documents.delete(document.id)
  if (document.record) await invoke(document, 'document_deleted', { deleted_at: new Date().toISOString() })
}

/** What the page needs to open CRM Link. The token is for this team and ends in an hour. */
async function session() {
  const { body } = await call('POST', '/api/platform/contexts', { context: TEAM })
  const { host: domain, origin } = new URL(LOCKSTEP_SERVER)
  return { origin, domain, token: body.access_token, options: { connectionID: TEAM.external_id, objects: OBJECTS } }
}

// ---- Webhooks -----------------------------------------------------------------------------------------------------

/** Whether Lockstep sent it, lately: the signature of Standard Webhooks. */
function isGenuine(headers, body) {
  const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signatures = '' } = headers
  if (!(Math.abs(Date.now() / 1000 - Number(at)) <= 300)) return false
  const key = Buffer.from(WEBHOOK_SECRET.replace(/^whsec_/, ''), 'base64')
  const expected = createHmac('sha256', key).update(`${id}.${at}.${body}`).digest()
  return signatures.split(' ').some((signature) => {
    const given = Buffer.from(signature.replace(/^v1,/, ''), 'base64')
    return signature.startsWith('v1,') && given.length === expected.length && timingSafeEqual(given, expected)
  })
}

/** A webhook says what the record holds now. One that comes twice does no harm. */
function hear({ event_type, payload }) {
  show('webhook', { event_type, payload })
  const document = [...documents.values()].find((document) => document.record === payload.record?.id)
  if (!document) return
  document.crm = event_type === 'record.deleted' ? null : payload.record.data
  show('documents')
}

// ---- HTTP ---------------------------------------------------------------------------------------------------------

const pages = new Set()

/** Tells every open page, by server-sent events. */
function show(type, data = {}) {
  for (const page of pages) page.write(`event: ${type}\ndata: ${JSON.stringify(data)}\n\n`)
}

async function read(request) {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) {
    body += chunk
    if (body.length > 100_000) throw new Error('The body is too long.')
  }
  return body
}

const routes = {
  'GET /': (_, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end(readFileSync(new URL('page.html', import.meta.url)))
  },
  'GET /events': (request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    response.write(': welcome\n\n')
    pages.add(response)
    request.on('close', () => pages.delete(response))
  },
  'POST /webhooks': async (request, response) => {
    const body = await read(request)
    if (!isGenuine(request.headers, body)) return response.writeHead(401).end()
    hear(JSON.parse(body))
    response.writeHead(204).end()
  },
  'GET /session': async (_, response) => json(response, await session()),
  'GET /connection': async (_, response) => {
    const { status, body } = await call('GET', `/api/v1/crm/connections/${TEAM.external_id}`)
    json(response, status === 404 ? null : body.connection)
  },
  'GET /search': async (_, response, url) => {
    const payload = { name: url.searchParams.get('name') ?? '' }
    json(response, (await call('POST', `${OPPORTUNITIES}/events/find_opportunity`, { payload })).body)
  },
  'GET /documents': (_, response) => json(response, [...documents.values()]),
  'POST /documents': async (request, response) => json(response, await send(JSON.parse(await read(request)))),
  'POST /documents/:id/sign': async (_, response, { document }) => json(response, await sign(document)),
  'DELETE /documents/:id': async (_, response, { document }) => json(response, await withdraw(document)),
}

function json(response, body) {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(body ?? null))
}

createServer(async (request, response) => {
  const url = new URL(request.url, 'http://localhost')
  const [, id] = url.pathname.match(/^\/documents\/([^/]+)/) ?? []
  url.document = documents.get(id)
  const route = routes[`${request.method} ${id ? url.pathname.replace(id, ':id') : url.pathname}`]
  if (!route || (id && !url.document)) return response.writeHead(404).end()
  try {
    await route(request, response, url)
  } catch (error) {
    console.error(error)
    if (!response.headersSent) response.writeHead(500)
    response.end()
  }
}).listen(Number(PORT), '127.0.0.1', () => console.log(`Signet is ready on http://127.0.0.1:${PORT}`))
