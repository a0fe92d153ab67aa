// The page of an app that was written for Xkit: its client, with our host.
import createXkit from '@xkit-co/xkit.js'

const asked = new URLSearchParams(location.search)
window.xkit = createXkit(asked.get('domain'))
window.outcome = {}
document.querySelector('button').addEventListener('click', () => {
  window.xkit.addConnection('hubspot', 'acme-crm').then(
    (connection) => { window.outcome = { connection } },
    (error) => { window.outcome = { error: error.message } },
  )
})
