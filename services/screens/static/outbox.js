// The outbox: what was entered on this tablet, kept until the server has answered for it, and shown with where it is.
//
// An entry is written to disk before anybody is told that it is saved. It has its id from the beginning and is sent under it until an
// answer came, so a lost answer records nothing twice. Nothing leaves the outbox by itself but what was sent a week ago.

const STRICT = { durability: "strict" };
const TIMEOUT_MS = 8000;
const PROBE_MS = 10_000;
const PROBES_WHILE_UP = 6;
const RETRY_MS = [2000, 4000, 8000, 15_000, 30_000, 60_000];
const KEEP_SENT_MS = 7 * 24 * 3600 * 1000;
const KEEP_SENT = 60;

export const OPEN = new Set(["waiting", "signin", "other", "fix"]);
const TO_SEND = new Set(["waiting", "signin", "other"]);

let lastStamp = 0;

/** An id that sorts by the time it was made, also within a millisecond. */
export function uuid7() {
  lastStamp = Math.max(Date.now(), lastStamp + 1);
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  for (let at = 0, rest = lastStamp; at < 6; at += 1, rest = Math.floor(rest / 256)) bytes[5 - at] = rest % 256;
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

const done = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

function opened(name) {
  const request = indexedDB.open(name, 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore("entries", { keyPath: "id" });
    request.result.createObjectStore("kept");
  };
  return done(request);
}

/** `ask` with a signal that ends it after a while: on some lines nothing ever comes back. */
async function inTime(ask) {
  const end = new AbortController();
  const timer = setTimeout(() => end.abort(), TIMEOUT_MS);
  try {
    return await ask(end.signal);
  } finally {
    clearTimeout(timer);
  }
}

/** The server cannot be reached, or somebody else answers in its place. */
class Away extends Error {}

export class Outbox extends EventTarget {
  #base; #database; #running = false; #again = false; #failures = 0; #timer; #news; #told = null;

  constructor(clinic) {
    super();
    this.#base = `/clinics/${clinic}`;
    this.name = `asepsis-${clinic}`;
    this.link = "unknown"; // the outcome of the last request: up, down, signin, forbidden
    this.who = this.session = null;
    this.here = null; // who, until the page was out of sight
  }

  async open() {
    this.#database = await opened(this.name);
    this.#news = new BroadcastChannel(this.name);
    this.#news.onmessage = () => this.#changed();
    for (const [where, what] of [[window, "online"], [window, "pageshow"], [document, "visibilitychange"]]) {
      where.addEventListener(what, () => {
        if (what !== "online") this.here = null;
        if (document.visibilityState === "visible") this.drain();
      });
    }
    let beats = 0;
    setInterval(() => (this.link !== "up" || (beats += 1) % PROBES_WHILE_UP === 0) && this.#probe(), PROBE_MS);
  }

  async #within(store, mode, work) {
    const transaction = this.#database.transaction(store, mode, STRICT);
    const finished = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
    const found = await work(transaction.objectStore(store));
    await finished;
    return found;
  }

  all() {
    return this.#within("entries", "readonly", (store) => done(store.getAll()));
  }

  kept(name) {
    return this.#within("kept", "readonly", (store) => done(store.get(name)));
  }

  /** What is only convenient: a full tablet goes on sending without it. */
  keep(name, value) {
    return this.#within("kept", "readwrite", (store) => done(store.put(value, name))).catch(() => {});
  }

  /** Whose an entry is: before an answer, only the last one's sign-in is known. */
  async author() {
    return this.here ?? `?${(await this.kept("facts"))?.session ?? ""}`;
  }

  /** Resolves when it is on disk. */
  async put(entry) {
    await this.#within("entries", "readwrite", (store) => done(store.put(entry)));
    this.#tell();
  }

  /** Change an entry as it stands on disk now, unless `allowed` says that it has gone on meanwhile. */
  async change(id, allowed, changes) {
    const changed = await this.#within("entries", "readwrite", async (store) => {
      const entry = await done(store.get(id));
      if (!entry || !allowed(entry)) return null;
      const next = { ...entry, ...changes };
      await done(store.put(next));
      return next;
    });
    this.#tell();
    return changed;
  }

  /** Send what is due. A call during a run makes the run look again; other tabs wait for their turn. */
  async drain() {
    this.#again = true;
    if (this.#running) return;
    this.#running = true;
    clearTimeout(this.#timer);
    try {
      while (this.#again) {
        this.#again = false;
        await (navigator.locks ? navigator.locks.request(this.name, () => this.#run()) : this.#run());
      }
    } finally {
      this.#running = false;
    }
    if (this.#failures) this.#timer = setTimeout(() => this.drain(), RETRY_MS[Math.min(this.#failures, RETRY_MS.length) - 1]);
  }

  async #run() {
    let failed = false;
    let newest = -1;
    try {
      if (await this.#ask()) {
        for (const entry of await this.#due()) {
          const went = await this.#send(entry, (index) => { newest = index; });
          if (went === "stop") break;
          failed ||= went === "later";
        }
      }
    } catch (error) {
      if (error instanceof Away) this.#linked("down");
      else reportError(error); // the entry stays as it was, and is tried again
      failed = true;
    }
    // What was just recorded can be chosen at once, like a load whose indicator is to be read.
    if (newest >= 0) await this.#ask(`?min_size=${newest + 1}`).catch(() => {});
    this.#failures = failed ? this.#failures + 1 : 0;
    await this.#prune();
  }

  async #due() {
    return (await this.all()).filter((entry) => TO_SEND.has(entry.state)).sort((one, other) => (one.id < other.id ? -1 : 1));
  }

  /** Who is signed in, and what can be chosen from. */
  async #ask(fresh = "") {
    const asked = Date.now();
    const answer = await this.#request("GET", `/tablet/facts${fresh}`);
    if (answer.status === 200 && answer.body?.who) {
      this.who = this.here = answer.body.who;
      this.session = answer.body.session;
      const ahead = Math.round(((asked + Date.now()) / 2 - Date.parse(answer.body.now)) / 1000);
      await this.keep("facts", answer.body);
      await this.keep("ahead", Math.abs(ahead) > 1 ? ahead : 0);
      this.#linked("up");
      this.dispatchEvent(new Event("facts"));
      return true;
    }
    if (answer.status === 401) await this.#signedOut();
    else if (answer.status === 403 || answer.status === 404) this.#linked("forbidden");
    else throw new Away();
    return false;
  }

  async #send(entry, recorded) {
    const same = entry.by === `?${this.session}`;
    if (same || entry.by !== this.who) await this.change(entry.id, (now) => TO_SEND.has(now.state), same ? { by: this.who } : { state: "other" });
    if (!same && entry.by !== this.who) return "on";
    const asked = entry.correction ? `?correction=${entry.correction}` : "";
    const answer = await this.#request("PUT", `/${entry.path}/${entry.id}${asked}`, entry.body);
    const still = (now) => TO_SEND.has(now.state) && now.correction === entry.correction;
    this.#linked("up");
    if ((answer.status === 200 || answer.status === 201) && answer.body?.event_id) {
      const { recorded_at, index, findings, data } = answer.body;
      recorded(index);
      await this.change(entry.id, still, { state: "sent", sentAt: recorded_at, index, findings, mechanical: data?.mechanical, problems: [] });
    } else if (answer.status === 401) {
      await this.#signedOut();
      return "stop";
    } else if (answer.status === 403 || answer.status === 404) {
      await this.change(entry.id, still, { state: "signin", problems: [{ reason: answer.body?.detail ?? "You may not record this." }] });
    } else if ([408, 425, 429].includes(answer.status) || answer.status >= 500) {
      return "later"; // it is the server's trouble, not this entry's: those behind it go on
    } else if (answer.status >= 400 && answer.body?.type?.startsWith("urn:asepsis:")) {
      const findings = (answer.body.findings ?? []).filter((found) => found.verdict !== "met");
      // On record with its recall: no other wording takes that back.
      const stands = findings.some((found) => found.parameters?.recalls);
      await this.change(entry.id, still, stands
        ? { state: "sent", stands, findings, problems: [] }
        : { state: "fix", problems: findings.length ? findings : [{ reason: answer.body.detail }] });
    } else {
      throw new Away(); // a page of a hotel's network, or a proxy
    }
    return "on";
  }

  async #signedOut() {
    this.#linked("signin");
    for (const entry of await this.#due()) await this.change(entry.id, (now) => TO_SEND.has(now.state), { state: "signin" });
  }

  /** One request; it never hangs. Throws Away. */
  async #request(method, path, body) {
    try {
      const device = await this.kept("device");
      return await inTime(async (signal) => {
        const answer = await fetch(this.#base + path, {
          method,
          headers: { Accept: "application/json", ...(body && { "Content-Type": "application/json" }), ...(device && { "Asepsis-Device": device }) },
          body: body && JSON.stringify(body),
          redirect: "error",
          cache: "no-store",
          signal,
        });
        const kind = answer.headers.get("content-type") ?? "";
        return { status: answer.status, body: kind.includes("json") ? await answer.json() : null };
      });
    } catch {
      throw new Away();
    }
  }

  async #probe() {
    try {
      const live = await inTime(async (signal) => (await fetch("/health/live", { cache: "no-store", redirect: "error", signal })).json());
      if (!live.live) throw new Away();
    } catch {
      this.#linked("down");
      return;
    }
    if (this.link !== "up") await this.drain();
  }

  async #prune() {
    const old = (await this.all()).filter((entry) => !OPEN.has(entry.state)).reverse();
    const gone = old.filter((entry, at) => at >= KEEP_SENT || Date.now() - Date.parse(entry.madeAt) > KEEP_SENT_MS);
    if (gone.length) await this.#within("entries", "readwrite", (store) => Promise.all(gone.map((entry) => done(store.delete(entry.id)))));
  }

  #linked(link) {
    if (this.link !== link) {
      this.link = link;
      this.#changed();
    }
  }

  #tell() {
    this.#news.postMessage("changed");
    this.#changed();
  }

  #changed() {
    clearTimeout(this.#told);
    this.#told = setTimeout(() => this.dispatchEvent(new Event("changed")));
  }
}
