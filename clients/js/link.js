// linkCRM: opens CRM Link in a dialog over the page and answers with the id of the connection that a person made.
// The dialog holds a frame from the Lockstep server; nothing but a closed list of messages passes between them.

const VERSION = 1
const LOCAL = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/

/** Why no connection came of it. `code` never changes its meaning; `message` is for people. */
export class LinkError extends Error {
  constructor(code, message) {
    super(message)
    this.name = 'LinkError'
    this.code = code
  }
}

const STYLE = `
:host { all: initial }
dialog { border: 0; padding: 0; margin: auto; width: 360px; height: 610px; max-width: none; max-height: none; border-radius: 16px;
  background: Canvas; overflow: hidden; color-scheme: light dark; box-shadow: 0 24px 64px rgb(16 20 30 / .32) }
dialog[data-theme=light] { color-scheme: light }
dialog[data-theme=dark] { color-scheme: dark }
dialog::backdrop { background: rgb(16 20 30 / .46) }
dialog:focus { outline: none }
iframe { border: 0; width: 100%; height: 100%; display: block; color-scheme: inherit }
@media (max-width: 479px), (max-height: 639px) { dialog { width: 100vw; height: 100dvh; border-radius: 0 } }
@media (prefers-reduced-motion: no-preference) {
  dialog[open] { animation: rise .18s cubic-bezier(.2, 0, 0, 1) }
  @keyframes rise { from { opacity: 0; translate: 0 8px } }
}
@media (forced-colors: active) { dialog { border: 1px solid } }`

let shown
const label = (locale) => (/^(id|in)\b/i.test(locale) ? 'Hubungkan CRM Anda' : 'Connect your CRM')

/**
 * Lets the person at this page connect their CRM, or change what was set up.
 * @param {string} domain the Lockstep server's host, such as `crm.example.com` or `localhost:7878`
 * @param {string} token what your back end got from `POST /api/platform/contexts`
 * @param {object} [options] see link.d.ts
 * @returns {Promise<string>} the connection's id, once the person has finished
 */
export default async function linkCRM(domain, token, options = {}) {
  if (typeof token !== 'string' || !token) throw new LinkError('no_token', 'linkCRM needs a context token.')
  const base = address(domain, options ?? {})
  // The dialog may stay when the promise has ended: it tells the person how.
  if (shown?.isConnected) throw new LinkError('already_open', 'CRM Link is open already.')
  return new Promise((resolve, reject) => show(base, token, options ?? {}, resolve, reject))
}

export { linkCRM }

function address(domain, options) {
  const scheme = options.scheme ?? (LOCAL.test(domain) ? 'http' : 'https')
  try {
    const url = new URL(`${scheme}://${domain}`)
    if (/^https?$/.test(scheme) && url.host && url.pathname === '/' && !url.username) return url.origin
  } catch { /* told below */ }
  throw new LinkError('invalid_options', 'The domain is a host such as crm.example.com, without a scheme or a path.')
}

function show(base, token, options, resolve, reject) {
  const opener = document.activeElement
  const host = shown = document.createElement('div')
  const dialog = document.createElement('dialog')
  const frame = document.createElement('iframe')
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(STYLE)
  const root = host.attachShadow({ mode: 'open' })
  root.adoptedStyleSheets = [sheet]
  dialog.dataset.theme = options.theme ?? 'auto'
  const locale = options.locale ?? navigator.language
  dialog.setAttribute('aria-label', label(locale))
  frame.title = label(locale)
  frame.allow = 'clipboard-write'
  frame.src = `${base}/link/frame?origin=${encodeURIComponent(location.origin)}&v=${VERSION}`
  dialog.append(frame)
  root.append(dialog)
  document.body.append(host)

  let port
  const unheard = () => fail('unreachable', `CRM Link at ${base} does not answer, or does not allow ${location.origin} to show it.`)
  let silence = setTimeout(unheard, 20_000)
  // A refusal loads too, and says nothing.
  frame.addEventListener('load', () => {
    clearTimeout(silence)
    if (!port) silence = setTimeout(unheard, 3_000)
  })
  const close = () => {
    clearTimeout(silence)
    removeEventListener('message', hear)
    port?.close()
    dialog.close()
    host.remove()
    opener?.focus?.()
  }
  const fail = (code, message) => {
    close()
    reject(new LinkError(code, message))
  }

  // Only our frame, from our server, is heard; and of it only that it is ready, or why it cannot be.
  function hear(event) {
    if (event.source !== frame.contentWindow || event.origin !== base || event.data?.lockstep !== VERSION) return
    if (event.data.type === 'failed') return fail(String(event.data.code), String(event.data.message))
    if (event.data.type !== 'ready') return
    clearTimeout(silence)
    port?.close()
    const channel = new MessageChannel()
    port = channel.port1
    port.onmessage = ({ data }) => answers[data?.type]?.(data)
    frame.contentWindow.postMessage({ lockstep: VERSION, type: 'init' }, base, [channel.port2])
    const { objects, connectionID, preselectCRMSlug, theme, accent } = options
    try {
      port.postMessage({ type: 'init', token, objects, connectionID, preselectCRMSlug, theme, accent, locale })
    } catch {
      fail('invalid_options', 'The options must be plain data.')
    }
  }
  const answers = {
    async renew() {
      let fresh = null
      try {
        fresh = (await options.getToken?.()) ?? null
      } catch { /* the frame says that the session has ended */ }
      if (fresh) token = fresh
      port?.postMessage({ type: 'renew', token: fresh })
    },
    done: ({ connectionID }) => resolve(String(connectionID)),
    // The frame goes on to tell the person; the app is told at once.
    failed: ({ code, message }) => reject(new LinkError(String(code), String(message))),
    'close-request': () => fail('closed', 'The person closed CRM Link before finishing.'),
  }

  addEventListener('message', hear)
  dialog.addEventListener('cancel', (event) => {
    event.preventDefault()
    answers['close-request']()
  })
  try {
    dialog.showModal()
    frame.focus()
  } catch (error) {
    close()
    throw error
  }
}
