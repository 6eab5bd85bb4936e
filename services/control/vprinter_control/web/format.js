// Numbers, times and sizes for people.
import { signal } from "./vendor/signals.js";

const HALF_MINUTE = 30_000;

/** Ticks so that relative times stay right. */
const now = signal(Date.now());
setInterval(() => {
  now.value = Date.now();
}, HALF_MINUTE);

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const UNITS = /** @type {[Intl.RelativeTimeFormatUnit, number][]} */ ([["day", 86_400], ["hour", 3600], ["minute", 60]]);

/** "2 min. ago"; after a week the date. @param {string | null | undefined} at */
export function ago(at) {
  if (!at) return "never";
  const seconds = (Math.max(now.value, Date.now()) - Date.parse(at)) / 1000;
  if (Math.abs(seconds) > 7 * 86_400) return day.format(new Date(at));
  for (const [unit, size] of UNITS) if (Math.abs(seconds) >= size) return relative.format(-Math.round(seconds / size), unit);
  return "just now";
}

/** @param {string} at */
export const date = (at) => day.format(new Date(at));

/** @param {string} at */
export const moment = (at) => exact.format(new Date(at));

/** @param {number} bytes */
export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  const units = ["kB", "MB", "GB"];
  let value = bytes / 1000;
  while (value >= 1000 && units.length > 1) {
    value /= 1000;
    units.shift();
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[0]}`;
}

/** @param {number | null | undefined} seconds */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return null;
  const minutes = Math.round(seconds / 60);
  if (minutes < 1) return `${Math.round(seconds)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours >= 24) return `${Math.floor(hours / 24)} d ${hours % 24} h`;
  return hours ? `${hours} h ${String(minutes % 60).padStart(2, "0")} min` : `${minutes} min`;
}

/** @param {number | null | undefined} value */
export function grams(value) {
  if (value === null || value === undefined) return null;
  return value >= 1000 ? `${(value / 1000).toFixed(2)} kg` : `${value < 10 ? value.toFixed(1) : Math.round(value)} g`;
}

/** @param {number} count @param {string} one @param {string} [many] */
export const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;
