/** Why no connection came of it. */
export type LinkErrorCode =
  /** No token was given. */
  | 'no_token'
  /** The domain or an option cannot be used. */
  | 'invalid_options'
  /** CRM Link is open already on this page; its dialog may stay after the promise has ended. */
  | 'already_open'
  /** The server does not answer, or does not allow this page's origin. */
  | 'unreachable'
  /** The server does not know this version of link.js. */
  | 'version_unsupported'
  /** The token is not valid, and `getToken` gave no other. */
  | 'unauthorized'
  /** The option `objects` has flaws; the message lists them as `path error; path error`. */
  | 'invalid_objects'
  /** The server offers no CRM. */
  | 'no_crms'
  /** Another context has a connection with this id. */
  | 'connection_taken'
  /** The person disconnected the CRM. */
  | 'disconnected'
  /** The person closed CRM Link before finishing. What they chose is kept. */
  | 'closed'

/** The promise of {@link linkCRM} is rejected with this. */
export class LinkError extends Error {
  readonly code: LinkErrorCode
}

/** One value that your app reads or sends. */
export interface Schema {
  type: 'string' | 'number' | 'integer' | 'boolean' | 'object' | 'array'
  /** Of text; an array takes the type of its items. */
  format?: 'datetime' | 'date-time' | 'date' | 'email' | 'uri' | 'string' | 'number' | 'integer' | 'boolean' | 'object'
  /** The name for people; `title` is read too. */
  label?: string
  title?: string
  description?: string
  properties?: Record<string, Schema>
  items?: Schema
  enum?: unknown[]
}

/** Something that happens in your app and that each person decides the meaning of. */
export interface CRMEvent {
  type: 'create' | 'update' | 'delete' | 'search'
  /** The name for people; `name` is read too. */
  label?: string
  name?: string
  description?: string
  payloadSchema?: Record<string, Schema>
}

/** One thing of your app that has a counterpart in CRMs. */
export interface CRMObject {
  label?: string
  description?: string
  fields?: Record<string, Schema>
  events?: Record<string, CRMEvent>
}

export interface LinkOptions {
  /** What your app reads and invokes, by slug. Without it people only authorise. */
  objects?: Record<string, CRMObject>
  /** The id that the connection gets, or has: opens what was set up. Made up when absent. */
  connectionID?: string
  /** The CRM to begin with, such as `hubspot`. */
  preselectCRMSlug?: string
  /** How it looks; `auto` follows the person's system. */
  theme?: 'light' | 'dark' | 'auto'
  /** A language tag; English and Indonesian are there. Default: the browser's. */
  locale?: string
  /** One colour, `#rrggbb`. It is made lighter or darker until text on it can be read. */
  accent?: string
  /** `http` for a server without TLS; localhost needs no word. */
  scheme?: 'https' | 'http'
  /** Gives a fresh token when this one has ended. */
  getToken?: () => Promise<string> | string
}

/** Lets the person at this page connect their CRM; answers with the connection's id once they have finished. */
export function linkCRM(domain: string, token: string, options?: LinkOptions): Promise<string>
export default linkCRM

declare global {
  interface Window {
    /** Set by `link.classic.js`. */
    linkCRM: typeof linkCRM
  }
}
