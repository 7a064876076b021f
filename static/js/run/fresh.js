// Brings the parts of a page that the server renders up to date: fetches the page itself and replaces what differs.

/** Replace the elements with these ids by those of `fresh` (a Document), but leave one alone while its sound plays. */
export function replaceParts(ids, fresh, page = document) {
  const waiting = [];
  for (const id of ids) {
    const [old, renewed] = [page.getElementById(id), fresh.getElementById(id)];
    if (!old || !renewed || old.innerHTML === renewed.innerHTML) continue;
    if ([...old.querySelectorAll("audio")].some((audio) => !audio.paused)) {
      waiting.push(id);
      continue;
    }
    const focused = old.contains(page.activeElement) ? page.activeElement.textContent : null;
    const [details, renewedDetails] = [old, renewed].map((part) => [part, ...part.querySelectorAll("details")]);
    details.forEach((part, index) => {
      if (part.open && renewedDetails[index]) renewedDetails[index].open = true;
    });
    const scrolled = old.querySelector(".log")?.scrollTop ?? 0;
    old.replaceWith(renewed);
    const log = renewed.querySelector(".log");
    if (log) log.scrollTop = scrolled;
    if (focused !== null) [...renewed.querySelectorAll("a, button, summary")].find((node) => node.textContent === focused)?.focus();
  }
  return waiting;
}

/** Calls of the returned function within `wait` milliseconds become one fetch of this page; `then` is called after it. */
export function freshener(ids, { wait = 300, url = location.href, then = () => {} } = {}) {
  let timer = null;
  let running = false;
  let again = false;
  async function work() {
    timer = null;
    if (running) {
      again = true;
      return;
    }
    running = true;
    try {
      const response = await fetch(url, { credentials: "same-origin" });
      if (response.ok) {
        const waiting = replaceParts(ids(), new DOMParser().parseFromString(await response.text(), "text/html"));
        then();
        if (waiting.length) timer = setTimeout(work, 2000);
      }
    } catch {
      timer = setTimeout(work, 5000); // the server is away: its rows are not
    } finally {
      running = false;
      if (again) {
        again = false;
        ask();
      }
    }
  }
  function ask() {
    timer ??= setTimeout(work, wait);
  }
  return ask;
}
