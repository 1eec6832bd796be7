// What is typed and not saved yet: one draft of each form, one of each correction. It outlives the tab, and leaves this tablet only when
// somebody saves it. It is written at once, without waiting for a disk, so that it is there also when the tab crashes.

const safely = (work) => {
  try {
    return work();
  } catch {
    return null; // full, or closed to this page: the work goes on without
  }
};

export function drafts(clinic) {
  const ours = `asepsis-${clinic}-draft-`;
  return {
    keep: (name, values) => safely(() => localStorage.setItem(ours + name, JSON.stringify(values))),
    of: (name) => safely(() => {
      const half = JSON.parse(localStorage.getItem(ours + name));
      if (half && new Date(half.at).toDateString() !== new Date().toDateString()) half.since = null; // nothing stays wet overnight
      return half;
    }),
    drop: (name) => safely(() => localStorage.removeItem(ours + name)),
    /** Another tab is done with one, as it stood then. */
    gone: (heard) => addEventListener("storage", ({ key, oldValue, newValue }) => {
      if (key?.startsWith(ours) && oldValue && !newValue) heard(key.slice(ours.length), JSON.parse(oldValue));
    }),
    /** Only these are waited for. */
    prune: (names) => safely(() => {
      for (const key of Object.keys(localStorage)) {
        if (key.startsWith(ours) && !names.includes(key.slice(ours.length))) localStorage.removeItem(key);
      }
    }),
  };
}
