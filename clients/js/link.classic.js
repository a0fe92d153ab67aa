// For pages without modules: <script src="https://YOUR-SERVER/link.classic.js"></script> sets window.linkCRM.
;(() => {
  const here = document.currentScript.src
  window.linkCRM = (...given) => import(new URL('link.js', here).href).then((link) => link.default(...given))
})()
