// Takes that the server does not have yet, in this browser's IndexedDB: a reload or a crash does not lose them.

const NAME = "moksori";
const STORE = "takes";

function promise(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** A row: {id, speaker, prompt, text, sha256, session, device, microphone, sampleRate, seconds, wav (ArrayBuffer),
 *  at (ms), state: "waiting" | "refused", refusal: {code, message} | null}. */
export class TakeStore {
  static async open() {
    const opening = indexedDB.open(NAME, 1);
    opening.onupgradeneeded = () => {
      const store = opening.result.createObjectStore(STORE, { keyPath: "id" });
      store.createIndex("speaker", "speaker");
    };
    const database = await promise(opening);
    navigator.storage?.persist?.().catch(() => {});
    return new TakeStore(database);
  }

  constructor(database) {
    this.database = database;
    this.held = new Map(); // rows that this browser has no room for: they live as long as the page
    database.onversionchange = () => database.close();
  }

  /** Resolves when the row is on disk, not only handed over; or held here, where the browser will not take it. */
  async put(row) {
    try {
      await this.#write((store) => store.put(row));
      this.held.delete(row.id);
    } catch {
      this.held.set(row.id, row);
    }
  }

  delete(id) {
    if (this.held.delete(id)) return Promise.resolve();
    return this.#write((store) => store.delete(id));
  }

  async get(id) {
    return this.held.get(id) ?? promise(this.database.transaction(STORE).objectStore(STORE).get(id));
  }

  /** All rows of a speaker, in the order in which they were recorded. */
  async of(speaker) {
    const held = [...this.held.values()].filter((row) => row.speaker === speaker);
    const rows = await this.#kept(speaker).catch((error) => {
      if (!held.length) throw error;
      return []; // what the browser has is read again with the next page
    });
    return [...rows.filter((row) => !this.held.has(row.id)), ...held].sort((a, b) => a.at - b.at);
  }

  async #kept(speaker) {
    const store = this.database.transaction(STORE).objectStore(STORE);
    return promise(store.index("speaker").getAll(speaker));
  }

  #write(change) {
    return new Promise((resolve, reject) => {
      const transaction = this.database.transaction(STORE, "readwrite", { durability: "strict" });
      transaction.oncomplete = () => resolve();
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
      change(transaction.objectStore(STORE));
    });
  }
}
