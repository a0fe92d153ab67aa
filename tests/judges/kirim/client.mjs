// An integration between Kirim and a CRM, as Kirim's guide to that describes it: it knows Kirim's pages and nothing of
// Lockstep. Only the host comes from outside. It never changes to please the server.

import { randomUUID } from 'node:crypto'
import { isGenuine } from './signature.mjs'

const host = process.env.KIRIM_HOST ?? 'https://api-kckit.kirim.chat'
const BULK_MAX = 1000

/** Calls Kirim; anything but a success throws with what Kirim said. */
export async function kirim(method, path, body, headers = {}) {
  const answer = await fetch(`${host}/v1/${path}`, {
    method,
    headers: { Authorization: `Bearer ${process.env.KIRIM_KEY}`, ...(body && { 'Content-Type': 'application/json' }), ...headers },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  })
  const content = await answer.json()
  if (!answer.ok) throw new Error(`${method} /v1/${path}: ${answer.status} ${JSON.stringify(content.error)}`)
  return content
}

/** The webhook endpoint: what to answer, after the CRM has what the event says. */
export function endpoint(secrets, crm) {
  const handled = new Set()
  return async (headers, body) => {
    if (!isGenuine(headers['x-kirim-signature'], body, secrets, Date.now() / 1000)) return 401
    const id = headers['x-kirim-event-id']
    if (handled.has(id)) return 200
    handled.add(id)
    const { type, data } = JSON.parse(body.toString('utf8'))
    if (type === 'contact.created') {
      const { id: kirimContactId, phone_number: phone, name, email } = data.contact
      crm.upsert({ phone, name, email, kirimContactId, source: `kirim_${data.acquisition_source}` })
    } else if (type === 'contact.updated') {
      const changed = data.changed_fields.filter((field) => field in data.contact)
      crm.patch(data.contact.phone_number, Object.fromEntries(changed.map((field) => [field, data.contact[field]])))
    } else if (type === 'conversation.assigned') {
      crm.assign(data.conversation.id, data.assignee.user_id)
    }
    return 200
  }
}

/** The cron job instead of webhooks: lists all contacts and takes what is younger than the last run. */
export async function syncSince(since, crm) {
  let pages = 0
  let cursor = null
  do {
    const query = new URLSearchParams({ limit: '100', ...(cursor && { cursor }) })
    const page = await kirim('GET', `contacts?${query}`)
    for (const contact of page.data) {
      if (new Date(contact.updated_at) <= since) continue
      const { phone_number: phone, name, email, id: kirimContactId } = contact
      crm.upsert({ phone, name, email, kirimContactId })
    }
    cursor = page.next_cursor
    pages += 1
  } while (cursor)
  return pages
}

/** Brings a person of the CRM to Kirim; the phone number is what both know. */
export async function pushPerson(person) {
  const { data } = await kirim('GET', `contacts?phone=${encodeURIComponent(person.phone)}`)
  const fields = {
    name: person.name, email: person.email, metadata: { crm_id: person.id, crm_segment: person.segment },
  }
  if (data.length > 0) return (await kirim('PATCH', `contacts/${data[0].id}`, fields)).data
  const key = { 'Idempotency-Key': randomUUID() }
  return (await kirim('POST', 'contacts', { phone_number: person.phone, ...fields }, key)).data
}

/** Puts a label on a whole segment; Kirim takes 1,000 at a time. Returns the sums of Kirim's counters. */
export async function labelSegment(contactIds, labelId) {
  const sums = { applied: 0, skipped_cross_org: 0, skipped_team_mismatch: 0 }
  for (let at = 0; at < contactIds.length; at += BULK_MAX) {
    const chunk = contactIds.slice(at, at + BULK_MAX)
    const { data } = await kirim('POST', 'contacts/bulk_label', { contact_ids: chunk, label_id: labelId, operation: 'attach' })
    for (const counter of Object.keys(sums)) sums[counter] += data[counter]
  }
  return sums
}

/** Hands a conversation to a person of the team, marked so that they find it. */
export async function escalate(conversationId, labelId, userId) {
  await kirim('POST', `conversations/${conversationId}/labels`, { label_id: labelId })
  return (await kirim('PATCH', `conversations/${conversationId}`, { assigned_to: userId })).data
}
