// Everything that several pages show, kept up to date by one event stream.
import { effect, signal } from "../vendor/signals.js";
import { get } from "../api/client.js";
import { EventFeed } from "../api/events.js";
import { Collection } from "./collection.js";
import { slicers } from "./slicers.js";
import { uploads } from "./uploads.js";

/** @import { FileItem, HostInterface, LiveEvent, Model, Printer, Project, QueueItem, RealPrinter } from "../api/types.js" */

export const printers = /** @type {Collection<Printer>} */ (new Collection("/virtual-printers"));
export const realPrinters = /** @type {Collection<RealPrinter>} */ (new Collection("/printers"));
export const pending = /** @type {Collection<FileItem>} */ (new Collection("/pending"));
export const queue = /** @type {Collection<QueueItem>} */ (new Collection("/queue"));
export const projects = /** @type {Collection<Project>} */ (new Collection("/projects"));
export const models = signal(/** @type {Model[]} */ ([]));
export const interfaces = signal(/** @type {HostInterface[]} */ ([]));

/** @type {Set<(event: LiveEvent | null) => void>} */
const listeners = new Set();

/**
 * Hear of every event; null stands for a gap after which anything may have changed.
 * @param {(event: LiveEvent | null) => void} listener
 * @returns {() => void} ends it
 */
export function listen(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** @type {Record<string, Collection<any>>} */
const SHARED = { printer: printers, real_printer: realPrinters, access_code: printers, certificate: printers, status: printers, pending, queue, project: projects };

/** @param {LiveEvent} event */
function take(event) {
  const subject = event.type.split(".")[0];
  SHARED[subject]?.reload();
  // Who uses a real printer is told by the virtual ones.
  if (subject === "printer") realPrinters.reload();
  if (subject === "archive" && event.type !== "archive.added") queue.reload();
  if (subject === "upload") uploads.take(event);
  if (subject === "session") slicers.reload(event.data.printer_id);
  for (const listener of listeners) listener(event);
}

effect(() => {
  for (const printer of printers.items.value ?? []) slicers.know(printer.id);
});

const collections = [printers, realPrinters, pending, queue, projects];
const feed = new EventFeed(take, () => {
  loadAll();
  for (const listener of listeners) listener(null);
});

function loadAll() {
  for (const collection of collections) collection.load();
  uploads.load();
  slicers.reloadKnown();
}

export async function loadHost() {
  interfaces.value = (await get("/interfaces")).items;
}

/** Begin when somebody has signed in. */
export function begin() {
  feed.open();
  loadAll();
  get("/models").then((page) => {
    models.value = page.items;
  }, () => {});
  loadHost().catch(() => {});
}

/** Forget what the session saw. */
export function end() {
  feed.close();
  for (const collection of collections) collection.clear();
  uploads.clear();
  slicers.clear();
}

/** @param {string} code */
export const modelName = (code) => models.value.find((model) => model.code === code)?.name ?? code;

/** @param {string} id */
export const printerName = (id) => printers.find(id)?.name ?? "a printer that is gone";
