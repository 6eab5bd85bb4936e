// Start of the page.
import { html } from "./html.js";
import { effect } from "./vendor/signals.js";
import { render } from "./vendor/preact.js";
import { App } from "./app.js";
import { followLinks } from "./router.js";
import { recall, session } from "./state/session.js";
import { begin, end } from "./state/store.js";

let signedIn = false;
effect(() => {
  const now = Boolean(session.value);
  if (now === signedIn) return;
  signedIn = now;
  if (now) begin();
  else end();
});
followLinks();
recall();
const root = document.getElementById("app");
if (root) render(html`<${App} />`, root);
