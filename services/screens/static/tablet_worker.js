// The service worker: keeps the page and its files, so that the tablet opens without the network. It keeps nothing else: no answer of
// the server, no client, nobody's name. `SHELL` is put in front of this by the server, and changes with every deploy.

const CACHE = `asepsis-shell ${SHELL.page} ${SHELL.version}`;
const MINE = `asepsis-shell ${SHELL.page} `;

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (request.method !== "GET" || address.origin !== location.origin) return;
  if (request.mode === "navigate" && address.pathname === SHELL.page) event.respondWith(page(request));
  else if (address.pathname.startsWith("/static/")) event.respondWith(file(request, address));
});

async function install() {
  const cache = await caches.open(CACHE);
  await cache.addAll([...SHELL.files, new Request(SHELL.page, { cache: "reload" })]);
  await self.skipWaiting();
}

async function activate() {
  const old = (await caches.keys()).filter((name) => name.startsWith(MINE) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

/** From the tablet at once, whatever the network is like; a new deploy shows at the next opening. */
async function page(request) {
  return (await (await caches.open(CACHE)).match(SHELL.page, { ignoreVary: true })) ?? fetch(request);
}

/** A page of an older deploy gets the file that is here. */
async function file(request, address) {
  const cache = await caches.open(CACHE);
  const name = address.pathname.split("/").slice(3).join("/");
  return (await cache.match(address.pathname, { ignoreVary: true }))
    ?? (await cache.match(`/static/${SHELL.version}/${name}`, { ignoreVary: true }))
    ?? fetch(request);
}
