// Which slicers are logged in at each printer.
import { signal } from "../vendor/signals.js";
import { get } from "../api/client.js";

/** @import { Sessions } from "../api/types.js" */

const SOON = 80;

class Slicers {
  byPrinter = signal(/** @type {Record<string, Sessions>} */ ({}));
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  timers = new Map();

  /** Read a printer's slicers if that has not been done. @param {string} printer */
  know(printer) {
    if (!this.timers.has(printer) && !printer.startsWith("new-")) this.reload(printer);
  }

  /** @param {string} printer */
  reload(printer) {
    clearTimeout(this.timers.get(printer));
    this.timers.set(printer, setTimeout(() => this.load(printer), SOON));
  }

  reloadKnown() {
    for (const printer of this.timers.keys()) this.reload(printer);
  }

  /** @param {string} printer */
  async load(printer) {
    try {
      const found = await get(`/virtual-printers/${printer}/sessions`);
      this.byPrinter.value = { ...this.byPrinter.peek(), [printer]: found };
    } catch {
      this.timers.delete(printer);
    }
  }

  clear() {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
    this.byPrinter.value = {};
  }
}

export const slicers = new Slicers();
