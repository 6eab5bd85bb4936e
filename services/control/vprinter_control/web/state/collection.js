// A list from the API that is kept in step with the events.
import { signal } from "../vendor/signals.js";
import { all } from "../api/client.js";
import { asProblem } from "../api/problem.js";

const SOON = 60;

/** @template {{ id: string }} T */
export class Collection {
  /** @param {string} path @param {Record<string, string>} [query] */
  constructor(path, query = {}) {
    this.path = path;
    this.query = query;
    /** null: not loaded yet. */
    this.items = signal(/** @type {T[] | null} */ (null));
    this.problem = signal(/** @type {import("../api/problem.js").Problem | null} */ (null));
    this.timer = 0;
    this.running = 0;
    /** Changes that are shown but not yet answered: what is read until then may be older than they are. */
    this.unanswered = 0;
  }

  async load() {
    const run = ++this.running;
    try {
      const items = await all(this.path, this.query);
      if (run !== this.running || this.unanswered) return;
      this.items.value = items;
      this.problem.value = null;
    } catch (error) {
      if (run === this.running) this.problem.value = asProblem(error);
    }
  }

  /** Load soon: events come in bursts. */
  reload() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.load(), SOON);
  }

  clear() {
    this.running++;
    this.items.value = null;
  }

  /** @param {string} id @returns {T | undefined} */
  find(id) {
    return this.items.value?.find((item) => item.id === id);
  }

  /** Put an item in its place, or at the end. @param {T} item */
  put(item) {
    const items = this.items.peek() ?? [];
    const known = items.some((other) => other.id === item.id);
    this.items.value = known ? items.map((other) => (other.id === item.id ? item : other)) : [...items, item];
  }

  /** @param {string} id */
  drop(id) {
    this.items.value = (this.items.peek() ?? []).filter((item) => item.id !== id);
  }

  /**
   * Show a change at once and take it back if the API refuses it.
   * @param {(items: T[]) => T[]} change @param {() => Promise<unknown>} work
   */
  async optimistically(change, work) {
    const before = this.items.peek() ?? [];
    this.items.value = change(before);
    this.unanswered++;
    try {
      return await work();
    } catch (error) {
      this.items.value = before;
      throw error;
    } finally {
      this.unanswered--;
      this.running++;
      this.reload();
    }
  }
}
