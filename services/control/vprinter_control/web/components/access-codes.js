import { html } from "../html.js";
import { useEffect, useState } from "../vendor/hooks.js";
import { get, patch, post, remove } from "../api/client.js";
import { ago } from "../format.js";
import { attempt, say } from "../state/toasts.js";
import { Button } from "./button.js";
import { valueOf } from "./field.js";
import { Secret } from "./secret.js";

/** @import { AccessCode, Printer } from "../api/types.js" */

/** The codes of a printer: whose code a slicer sends is who sent the file. @param {{ printer: Printer }} props */
export function AccessCodes({ printer }) {
  const path = `/virtual-printers/${printer.id}/access-codes`;
  const [codes, setCodes] = useState(/** @type {AccessCode[] | null} */ (null));
  const [owner, setOwner] = useState("");
  const load = async () => setCodes((await attempt(get(path)))?.items ?? []);
  useEffect(() => {
    load();
  }, [printer.id]);
  const add = async () => {
    if (!owner.trim()) return;
    if (await attempt(post(path, { owner: owner.trim() }))) setOwner("");
    await load();
  };
  /** @param {KeyboardEvent} event */
  const onEnter = (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    add();
  };
  return html`<section class="codes" aria-label="Access codes">
    <h3>Access codes</h3>
    <p class="hint">One for everybody will do. With a code for each person, every file says who sent it. Changes count at once.</p>
    <ul class="rows">
      ${(codes ?? []).map((code) => html`<${CodeRow} key=${code.id} code=${code} only=${codes?.length === 1} path=${path} onChange=${load} />`)}
    </ul>
    <div class="inline-form">
      <input
        aria-label="Name of the person a new code is for"
        placeholder="Name of a person"
        maxlength="100"
        value=${owner}
        onInput=${(/** @type {Event} */ event) => setOwner(valueOf(event))}
        onKeyDown=${onEnter}
      />
      <${Button} icon="plus" onClick=${add} disabled=${!owner.trim()}>Add a code<//>
    </div>
  </section>`;
}

/** @param {{ code: AccessCode, only: boolean, path: string, onChange: () => Promise<void> }} props */
function CodeRow({ code, only, path, onChange }) {
  const own = `${path}/${code.id}`;
  const name = code.owner || "Everybody";
  const rotate = async () => {
    if (await attempt(patch(own, { rotate: true }))) say(`${name} has a new code; slicers with the old one are signed out.`);
    await onChange();
  };
  const revoke = async () => {
    await attempt(remove(own));
    await onChange();
  };
  const rename = async (/** @type {Event} */ event) => {
    await attempt(patch(own, { owner: valueOf(event).trim() }));
    await onChange();
  };
  return html`<li>
    <input class="bare" aria-label="Owner" value=${code.owner} placeholder="Everybody" maxlength="100" onChange=${rename} />
    ${code.code ? html`<${Secret} code=${code.code} what="code of ${name}" />` : html`<span class="faint">hidden</span>`}
    <small class="faint used">${code.last_used_at ? `used ${ago(code.last_used_at)}` : "not used yet"}</small>
    <${Button} small kind="quiet" icon="refresh" label="New code for ${name}" onClick=${rotate} />
    <${Button} small kind="quiet" icon="trash" label="Revoke the code of ${name}" disabled=${only} onClick=${revoke} />
  </li>`;
}
