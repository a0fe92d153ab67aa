// An integration between Kirim and a CRM, as Kirim's guide to that describes it: it knows Kirim's pages and nothing of
// Lockstep. Only the host comes from outside. It never changes to please the server.

import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { header } from './capture.js'
import { isGenuine } from './signature.js'

const host = process.env['KIRIM_HOST'] ?? 'https://api-kckit.kirim.chat'
const BULK_MAX = 1000

/** A contact, as Kirim's pages show it. */
export interface Contact {
  id: string
  object: 'contact'
  phone_number: string | null
  name: string | null
  email: string | null
  metadata: Record<string, unknown> | null
  whatsapp_account: { phone_number: string | null }
  created_at: string
  updated_at: string
}

/** A conversation, as Kirim's pages show it. */
export interface Conversation {
  id: string
  object: 'conversation'
  status: 'open' | 'resolved' | 'pending'
  contact: { id: string, phone_number: string | null, name: string | null }
  assignee: { id: string, name: string | null, email: string | null } | null
  unread_count: number
}

/** What stands in an answer for one thing, and for a page of them. */
export interface One<T> { data: T, request_id: string }
export interface Page<T> { data: T[], has_more: boolean, next_cursor: string | null, request_id: string }

/** Kirim's counters of a bulk label. */
export interface Labelled { applied: number, skipped_cross_org: number, skipped_team_mismatch: number }

/** The events that are subscribed to. */
type Event =
  | { type: 'contact.created', data: { contact: Contact, acquisition_source: string } }
  | { type: 'contact.updated', data: { contact: Contact, changed_fields: string[] } }
  | {
    type: 'conversation.assigned'
    data: { conversation: { id: string }, assignee: { user_id: string | null, team_id: string | null, previous_user_id: string | null } }
  }

/** A person as the CRM knows them. */
export interface Person {
  phone: string
  name?: string | null
  email?: string | null
  kirimContactId?: string
  source?: string
}

/** What the integration needs of the CRM. */
export interface Crm {
  upsert(person: Person): void
  patch(phone: string, fields: Partial<Contact>): void
  assign(conversation: string, to: string | null): void
}

/** Calls Kirim; anything but a success throws with what Kirim said. */
export async function kirim<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
  const answer = await fetch(`${host}/v1/${path}`, {
    method,
    headers: { Authorization: `Bearer ${process.env['KIRIM_KEY']}`, 'Content-Type': 'application/json', ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  })
  const content = await answer.json() as T & { error?: unknown }
  if (!answer.ok) throw new Error(`${method} /v1/${path}: ${answer.status} ${JSON.stringify(content.error)}`)
  return content
}

function known(contact: Contact): Person & { kirimContactId: string } {
  const { id: kirimContactId, phone_number: phone, name, email } = contact
  if (phone === null) throw new Error(`contact ${kirimContactId} has no phone number`)
  return { phone, name, email, kirimContactId }
}

/** The webhook endpoint: what to answer, after the CRM has what the event says. */
export function endpoint(secrets: string[], crm: Crm) {
  const handled = new Set<string>()
  return async (headers: IncomingHttpHeaders, body: Buffer): Promise<number> => {
    if (!isGenuine(header(headers, 'x-kirim-signature'), body, secrets, Date.now() / 1000)) return 401
    const id = header(headers, 'x-kirim-event-id') ?? ''
    if (handled.has(id)) return 200
    handled.add(id)
    const event = JSON.parse(body.toString('utf8')) as Event
    switch (event.type) {
      case 'contact.created':
        crm.upsert({ ...known(event.data.contact), source: `kirim_${event.data.acquisition_source}` })
        break
      case 'contact.updated': {
        const { contact, changed_fields: changed } = event.data
        const fields = Object.entries(contact).filter(([field]) => changed.includes(field))
        crm.patch(known(contact).phone, Object.fromEntries(fields))
        break
      }
      case 'conversation.assigned':
        crm.assign(event.data.conversation.id, event.data.assignee.user_id)
        break
    }
    return 200
  }
}

/** The cron job instead of webhooks: lists all contacts and takes what is younger than the last run. */
export async function syncSince(since: Date, crm: Crm): Promise<number> {
  let pages = 0
  let cursor: string | null = null
  do {
    const query = new URLSearchParams({ limit: '100', ...(cursor && { cursor }) })
    const page: Page<Contact> = await kirim('GET', `contacts?${query}`)
    for (const contact of page.data) {
      if (new Date(contact.updated_at) > since) crm.upsert(known(contact))
    }
    cursor = page.next_cursor
    pages += 1
  } while (cursor)
  return pages
}

/** Brings a person of the CRM to Kirim; the phone number is what both know. */
export async function pushPerson(person: Person & { id: string, segment: string }): Promise<Contact> {
  const { data } = await kirim<Page<Contact>>('GET', `contacts?phone=${encodeURIComponent(person.phone)}`)
  const fields = {
    name: person.name, email: person.email, metadata: { crm_id: person.id, crm_segment: person.segment },
  }
  const [found] = data
  if (found) return (await kirim<One<Contact>>('PATCH', `contacts/${found.id}`, fields)).data
  const key = { 'Idempotency-Key': randomUUID() }
  return (await kirim<One<Contact>>('POST', 'contacts', { phone_number: person.phone, ...fields }, key)).data
}

/** Puts a label on a whole segment; Kirim takes 1,000 at a time. Returns the sums of Kirim's counters. */
export async function labelSegment(contactIds: string[], labelId: string): Promise<Labelled> {
  const sums: Labelled = { applied: 0, skipped_cross_org: 0, skipped_team_mismatch: 0 }
  for (let at = 0; at < contactIds.length; at += BULK_MAX) {
    const body = { contact_ids: contactIds.slice(at, at + BULK_MAX), label_id: labelId, operation: 'attach' }
    const { data } = await kirim<One<Labelled>>('POST', 'contacts/bulk_label', body)
    sums.applied += data.applied
    sums.skipped_cross_org += data.skipped_cross_org
    sums.skipped_team_mismatch += data.skipped_team_mismatch
  }
  return sums
}

/** Hands a conversation to a person of the team, marked so that they find it. */
export async function escalate(conversationId: string, labelId: string, userId: string): Promise<Conversation> {
  await kirim('POST', `conversations/${conversationId}/labels`, { label_id: labelId })
  return (await kirim<One<Conversation>>('PATCH', `conversations/${conversationId}`, { assigned_to: userId })).data
}
