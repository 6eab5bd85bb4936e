// Uploads that are under way.
import { signal } from "../vendor/signals.js";
import { get } from "../api/client.js";

/** @import { LiveEvent, Upload } from "../api/types.js" */

const ENDS = new Set(["stored", "failed", "lost"]);

class Uploads {
  items = signal(/** @type {Upload[]} */ ([]));

  async load() {
    try {
      this.items.value = (await get("/uploads")).items;
    } catch {
      this.items.value = [];
    }
  }

  clear() {
    this.items.value = [];
  }

  /** @param {LiveEvent} event */
  take({ type, data }) {
    const phase = data.phase ?? type.split(".")[1];
    if (!data.upload) return;
    const others = this.items.peek().filter((upload) => upload.upload !== data.upload);
    if (ENDS.has(phase)) {
      this.items.value = others;
      return;
    }
    const known = this.items.peek().find((upload) => upload.upload === data.upload);
    const upload = /** @type {Upload} */ ({ started_at: new Date().toISOString(), ...known, ...data });
    this.items.value = known
      ? this.items.peek().map((other) => (other.upload === data.upload ? upload : other))
      : [...others, upload];
  }
}

export const uploads = new Uploads();
