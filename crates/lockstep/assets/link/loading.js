// The window that the stock browser client opens: it says that it is there, and goes where its opener tells it to.
const opener_origin = new URLSearchParams(location.search).get('opener_origin');

addEventListener('message', ({ origin, source, data }) => {
  if (source !== opener || origin !== opener_origin || typeof data?.location !== 'string') return;
  const to = new URL(data.location, location.href);
  if (to.protocol === 'https:' || to.protocol === 'http:') location.replace(to.href);
});

if (opener && opener_origin) opener.postMessage('authWindow:ready', opener_origin);
