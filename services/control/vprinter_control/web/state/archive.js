// The archive as far as it has been scrolled: pages of a list that is filtered and sorted by the API.
import { signal } from "../vendor/signals.js";
import { get } from "../api/client.js";
import { asProblem } from "../api/problem.js";

/** @import { FileItem, LiveEvent } from "../api/types.js" */

/** @typedef {{ q: string, project: string, printer: string, model: string, sort: string, duplicates_of: string }} Filters */

const PAGE = 120;

/** @type {Filters} */
export const EVERYTHING = { q: "", project: "", printer: "", model: "", sort: "-received_at", duplicates_of: "" };

class Archive {
  filters = signal(EVERYTHING);
  items = signal(/** @type {FileItem[] | null} */ (null));
  problem = signal(/** @type {import("../api/problem.js").Problem | null} */ (null));
  /** @type {string | null} */
  next = null;
  loading = false;
  controller = new AbortController();

  /** @param {Partial<Filters>} change */
  filter(change) {
    this.filters.value = { ...this.filters.peek(), ...change };
    return this.load();
  }

  /** Whether something is left out. */
  get narrowed() {
    const { sort: _, ...rest } = this.filters.value;
    return Object.values(rest).some(Boolean);
  }

  /** Read the list from its beginning; what is shown stays until the answer is there. */
  async load() {
    this.controller.abort();
    this.controller = new AbortController();
    this.loading = false;
    await this.read(null);
  }

  async more() {
    if (this.next && !this.loading) await this.read(this.next);
  }

  /** @param {string | null} cursor */
  async read(cursor) {
    const { signal: abort } = this.controller;
    this.loading = true;
    try {
      const page = await get("/archive", { ...this.filters.peek(), limit: PAGE, cursor }, abort);
      const before = cursor ? (this.items.peek() ?? []) : [];
      const known = new Set(before.map((file) => file.id));
      this.next = page.next;
      this.items.value = [...before, ...page.items.filter((/** @type {FileItem} */ file) => !known.has(file.id))];
      this.problem.value = null;
    } catch (error) {
      if (!abort.aborted) this.problem.value = asProblem(error);
    } finally {
      if (!abort.aborted) this.loading = false;
    }
  }

  /** @param {FileItem} file */
  put(file) {
    this.items.value = (this.items.peek() ?? []).map((other) => (other.id === file.id ? file : other));
  }

  /** @param {string} id */
  drop(id) {
    this.items.value = this.items.peek()?.filter((file) => file.id !== id) ?? null;
  }

  /** Follow what happens without moving what is being looked at. @param {LiveEvent | null} event */
  async take(event) {
    if (this.items.peek() === null) return;
    if (event === null) return this.load();
    const id = event.data.archive;
    if (event.type === "archive.deleted") this.drop(id);
    if (event.type === "archive.changed") await this.refresh(id);
    if (event.type === "archive.added" || event.type === "pending.approved") await this.added(id);
  }

  /** @param {string} id */
  async refresh(id) {
    if (!this.items.peek()?.some((file) => file.id === id)) return;
    try {
      this.put(await get(`/archive/${id}`));
    } catch {
      this.drop(id);
    }
  }

  /** A new file is at the top of the plain list; elsewhere only the API knows its place. @param {string} id */
  async added(id) {
    const { sort } = this.filters.peek();
    if (this.narrowed || sort !== EVERYTHING.sort) {
      if ((this.items.peek()?.length ?? 0) <= PAGE) await this.load();
      return;
    }
    try {
      const file = await get(`/archive/${id}`);
      const others = (this.items.peek() ?? []).filter((other) => other.id !== id);
      const at = others.findIndex((other) => other.received_at < file.received_at);
      this.items.value = at < 0 ? [...others, file] : [...others.slice(0, at), file, ...others.slice(at)];
    } catch {
      // It is gone again already.
    }
  }
}

export const archive = new Archive();
