// Who uses the page.
import { signal } from "../vendor/signals.js";
import { get, post, remove, whenSignedOut } from "../api/client.js";

/** @typedef {{ name: string, scopes: string[] }} Session */

/** undefined: not known yet; null: nobody. @type {import("../vendor/signals.js").Signal<Session | null | undefined>} */
export const session = signal(/** @type {Session | null | undefined} */ (undefined));

whenSignedOut(() => {
  session.value = null;
});

/** Whether the session may do what needs this scope. @param {string} scope */
export function may(scope) {
  const scopes = session.value?.scopes ?? [];
  return scopes.includes("admin") || scopes.includes(scope);
}

/** Ask who we are. */
export async function recall() {
  try {
    session.value = await get("/session");
  } catch {
    session.value = null;
  }
}

/** @param {string} token */
export async function signIn(token) {
  session.value = await post("/session", { token: token.trim() });
}

export async function signOut() {
  try {
    await remove("/session");
  } finally {
    session.value = null;
  }
}
