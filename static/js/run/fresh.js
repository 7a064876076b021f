// Brings the parts of a page that the server renders up to date: fetches the page itself and replaces what differs.

/**
 * What has the place of `node` in `renewed`, which follows `old`: the same tag with the same attributes; of several of
 * them the one that says the same, else the one at the same place. Its words alone tell nothing: a card counts steps, a
 * log grows, and all checkpoints are downloaded by the same word.
 */
function successorOf(node, old, renewed) {
  const tag = node.cloneNode(false).outerHTML;
  const [before, after] = [old, renewed].map((part) => [...part.querySelectorAll(node.localName)].filter((each) => each.cloneNode(false).outerHTML === tag));
  return after.find((each) => each.textContent === node.textContent) ?? after[before.indexOf(node)];
}

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
    const focused = old.contains(page.activeElement) ? page.activeElement : null;
    const [details, renewedDetails] = [old, renewed].map((part) => [part, ...part.querySelectorAll("details")]);
    details.forEach((part, index) => {
      if (part.open && renewedDetails[index]) renewedDetails[index].open = true;
    });
    const scrolled = old.querySelector(".log")?.scrollTop ?? 0;
    const successor = focused && successorOf(focused, old, renewed);
    old.replaceWith(renewed);
    const log = renewed.querySelector(".log");
    if (log) log.scrollTop = scrolled;
    successor?.focus({ preventScroll: true });
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
