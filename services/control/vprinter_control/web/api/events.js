// The event stream: resumed by the browser where it broke off, opened again by us where the browser gives up.
import { signal } from "../vendor/signals.js";
import { ROOT } from "./client.js";

/** @import { LiveEvent } from "./types.js" */

const TYPES = [
  ...["created", "changed", "deleted"].map((what) => `printer.${what}`),
  ...["added", "changed", "followed", "deleted", "certificate_pinned", "certificate_accepted", "status"].map((what) => `real_printer.${what}`),
  ...["added", "changed", "revoked"].map((what) => `access_code.${what}`),
  ...["added", "changed", "deleted"].map((what) => `archive.${what}`),
  ...["added", "changed", "approved", "discarded", "restored", "deleted"].map((what) => `pending.${what}`),
  ...["added", "changed", "removed"].map((what) => `queue.${what}`),
  ...["created", "changed", "deleted"].map((what) => `project.${what}`),
  ...["created", "deleted"].map((what) => `token.${what}`),
  ...["issued"].map((what) => `certificate.${what}`),
  ...["renewed", "imported"].map((what) => `authority.${what}`),
  ...["upload.progress", "upload.failed", "session.opened", "session.closed", "session.changed", "status.changed", "setup.changed"],
];
const FIRST_RETRY = 1000;
const LAST_RETRY = 15_000;

/** Whether what the page shows is up to date. */
export const link = signal(/** @type {"connecting" | "live" | "lost"} */ ("connecting"));

export class EventFeed {
  /**
   * @param {(event: LiveEvent) => void} onEvent
   * @param {() => void} onGap what came meanwhile is unknown: read everything anew
   */
  constructor(onEvent, onGap) {
    this.onEvent = onEvent;
    this.onGap = onGap;
    /** @type {EventSource | null} */
    this.source = null;
    this.last = "";
    this.retry = FIRST_RETRY;
    this.timer = 0;
  }

  open() {
    this.close();
    const source = new EventSource(`${ROOT}/events${this.last && `?after=${this.last}`}`);
    this.source = source;
    source.onopen = () => {
      this.retry = FIRST_RETRY;
      // Without an id there is nothing to resume at, and what is not stored is never sent again.
      if (link.peek() === "lost") this.onGap();
      link.value = "live";
    };
    source.onerror = () => {
      link.value = "lost";
      if (source.readyState === EventSource.CLOSED) this.later();
    };
    source.addEventListener("reset", (event) => {
      this.last = event.lastEventId;
      this.onGap();
    });
    source.addEventListener("live.missed", () => this.onGap());
    for (const type of TYPES) source.addEventListener(type, (event) => this.take(type, event));
  }

  /** @param {string} type @param {MessageEvent} event */
  take(type, event) {
    if (event.lastEventId) this.last = event.lastEventId;
    const content = JSON.parse(event.data);
    this.onEvent({ ...content, type, data: content.data ?? content });
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.open(), this.retry);
    this.retry = Math.min(this.retry * 2, LAST_RETRY);
  }

  close() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }
}
