import { html } from "../html.js";
import { useState } from "../vendor/hooks.js";
import { Button } from "./button.js";

/** The clipboard API needs HTTPS; the old way works on a home network too. @param {string} text */
async function copy(text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const host = document.querySelector("dialog[open]") ?? document.body;
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  host.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/** @param {{ text: string, what: string, children?: any }} props */
export function Copy({ text, what, children }) {
  const [done, setDone] = useState(false);
  const press = async () => {
    await copy(text);
    setDone(true);
    setTimeout(() => setDone(false), 1800);
  };
  const label = done ? `${what} copied` : `Copy ${what}`;
  return html`<${Button} small kind="quiet" icon=${done ? "check" : "copy"} label=${label} onClick=${press}>${children}<//>`;
}

/** Something to copy as it stands. @param {{ text: string, what: string }} props */
export function Code({ text, what }) {
  return html`<div class="code-line"><code>${text}</code><${Copy} text=${text} what=${what} /></div>`;
}
