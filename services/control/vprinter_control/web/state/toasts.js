// Short messages at the edge of the page, read out by screen readers.
import { signal } from "../vendor/signals.js";
import { asProblem } from "../api/problem.js";

/** @typedef {{ id: number, kind: "done" | "failed", text: string, hint: string | null, action: { label: string, run: () => void } | null }} Toast */

export const toasts = signal(/** @type {Toast[]} */ ([]));
let count = 0;

/** @param {number} id */
export function dismiss(id) {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

/** @param {Omit<Toast, "id">} toast @param {number} seconds */
function show(toast, seconds) {
  const id = ++count;
  toasts.value = [...toasts.value.slice(-3), { ...toast, id }];
  setTimeout(() => dismiss(id), seconds * 1000);
}

/** @param {string} text @param {{ label: string, run: () => void } | null} [action] @param {number} [seconds] */
export function say(text, action = null, seconds = 5) {
  show({ kind: "done", text, hint: null, action }, seconds);
}

/** @param {unknown} error */
export function complain(error) {
  const problem = asProblem(error);
  show({ kind: "failed", text: problem.message, hint: problem.hint, action: null }, 12);
}

/** Do something and complain if it fails. @template T @param {Promise<T>} work @returns {Promise<T | undefined>} */
export async function attempt(work) {
  try {
    return await work;
  } catch (error) {
    complain(error);
    return undefined;
  }
}
