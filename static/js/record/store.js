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
    database.onversionchange = () => database.close();
  }

  /** Resolves when the row is on disk, not only handed over. */
  put(row) {
    return this.#write((store) => store.put(row));
  }

  delete(id) {
    return this.#write((store) => store.delete(id));
  }

  get(id) {
    return promise(this.database.transaction(STORE).objectStore(STORE).get(id));
  }

  /** All rows of a speaker, in the order in which they were recorded. */
  async of(speaker) {
    const store = this.database.transaction(STORE).objectStore(STORE);
    const rows = await promise(store.index("speaker").getAll(speaker));
    return rows.sort((a, b) => a.at - b.at);
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
