// Requests to the API with the session's cookie.
import { Problem, unreachable } from "./problem.js";

export const ROOT = "/api/v1";

/** @typedef {Record<string, string | number | boolean | null | undefined>} Query */
/** @typedef {{ body?: unknown, query?: Query, etag?: string | null, signal?: AbortSignal }} Options */

let signedOut = () => {};

/** Say what to do when the session has ended. @param {() => void} action */
export function whenSignedOut(action) {
  signedOut = action;
}

/** `crypto.randomUUID` needs HTTPS, which a home network rarely has. */
function freshKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {string} path @param {Query} [query] */
export function address(path, query) {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return ROOT + path + (text && `?${text}`);
}

/**
 * @param {string} method @param {string} path @param {Options} [options]
 * @returns {Promise<Response>}
 */
export async function send(method, path, { body, query, etag, signal } = {}) {
  /** @type {Record<string, string>} */
  const headers = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method === "POST") headers["Idempotency-Key"] = freshKey();
  if (etag) headers["If-Match"] = etag;
  let response;
  try {
    response = await fetch(address(path, query), {
      method,
      headers,
      signal,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw unreachable();
  }
  if (response.ok) return response;
  const problem = await problemOf(response);
  if (response.status === 401 && path !== "/session") signedOut();
  throw problem;
}

/** @param {Response} response */
async function problemOf(response) {
  const isProblem = response.headers.get("Content-Type")?.startsWith("application/problem+json");
  return new Problem(response.status, isProblem ? await response.json() : { title: response.statusText });
}

/** @param {string} method @param {string} path @param {Options} [options] @returns {Promise<any>} */
async function json(method, path, options) {
  const response = await send(method, path, options);
  return response.status === 204 ? null : response.json();
}

/** @param {string} path @param {Query} [query] @param {AbortSignal} [signal] @returns {Promise<any>} */
export const get = (path, query, signal) => json("GET", path, { query, signal });

/** @param {string} path @param {unknown} [body] @returns {Promise<any>} */
export const post = (path, body) => json("POST", path, { body });

/** @param {string} path @param {unknown} body @param {string | null} [etag] @returns {Promise<any>} */
export const patch = (path, body, etag) => json("PATCH", path, { body, etag });

/** @param {string} path @returns {Promise<any>} */
export const remove = (path) => json("DELETE", path);

/** An item with its tag, for a change that must not overwrite another. @param {string} path */
export async function getTagged(path) {
  const response = await send("GET", path);
  return { item: await response.json(), etag: response.headers.get("ETag") };
}

/** Every item of a list that is known to be short. @param {string} path @param {Query} [query] @returns {Promise<any[]>} */
export async function all(path, query) {
  const items = [];
  let cursor = null;
  do {
    const page = await get(path, { ...query, limit: 200, cursor });
    items.push(...page.items);
    cursor = page.next;
  } while (cursor);
  return items;
}
