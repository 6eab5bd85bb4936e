import { html } from "../html.js";
import { useState } from "../vendor/hooks.js";
import { Button } from "./button.js";
import { Copy } from "./copy.js";

/** An access code that is shown on demand. @param {{ code: string, what?: string, shownFirst?: boolean }} props */
export function Secret({ code, what = "access code", shownFirst = false }) {
  const [shown, setShown] = useState(shownFirst);
  return html`<span class="secret">
    <code class="access-code">${shown ? code : "••••••••"}</code>
    <${Button}
      small
      kind="quiet"
      icon=${shown ? "eye-off" : "eye"}
      label=${shown ? `Hide ${what}` : `Show ${what}`}
      aria-pressed=${shown}
      onClick=${() => setShown(!shown)}
    />
    <${Copy} text=${code} what=${what} />
  </span>`;
}
