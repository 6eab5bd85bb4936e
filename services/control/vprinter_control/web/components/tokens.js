import { html } from "../html.js";
import { useEffect, useState } from "../vendor/hooks.js";
import { all, remove } from "../api/client.js";
import { ago, date } from "../format.js";
import { listen, printerName } from "../state/store.js";
import { attempt, say } from "../state/toasts.js";
import { Button } from "./button.js";
import { Confirm } from "./dialog.js";
import { Icon } from "./icon.js";
import { Skeletons } from "./notice.js";
import { TokenForm } from "./token-form.js";

/** @import { Token } from "../api/types.js" */

/** Who may use the API. */
export function Tokens() {
  const [tokens, setTokens] = useState(/** @type {Token[] | null} */ (null));
  const [adding, setAdding] = useState(false);
  const [revoking, setRevoking] = useState(/** @type {Token | null} */ (null));
  const load = async () => setTokens((await attempt(all("/tokens"))) ?? []);
  useEffect(() => {
    load();
    return listen((event) => {
      if (!event || event.type.startsWith("token.")) load();
    });
  }, []);
  const revoke = async () => {
    const token = revoking;
    setRevoking(null);
    if (token && (await attempt(remove(`/tokens/${token.id}`))) !== undefined) say(`${token.name} is revoked.`);
    await load();
  };
  return html`<section aria-label="Tokens">
    <div class="section-head">
      <p class="faint">For scripts, for other people, and for OrcaSlicer's OctoPrint upload. A token is shown once, when it is made.</p>
      <${Button} kind="primary" icon="plus" onClick=${() => setAdding(true)}>New token<//>
    </div>
    ${tokens === null && html`<${Skeletons} count=${3} kind="row" />`}
    <ul class="card table">
      ${tokens?.map((token) => html`<${TokenRow} key=${token.id} token=${token} onRevoke=${() => setRevoking(token)} />`)}
    </ul>
    ${adding && html`<${TokenForm} onClose=${() => setAdding(false)} />`}
    ${revoking &&
    html`<${Confirm} title="Revoke ${revoking.name}?" action="Revoke" onClose=${() => setRevoking(null)} onConfirm=${revoke}>
      <p>Whatever uses it is refused from now on, and sessions that began with it end.</p>
    <//>`}
  </section>`;
}

/** @param {{ token: Token, onRevoke: () => void }} props */
function TokenRow({ token, onRevoke }) {
  return html`<li class="token-row">
    <${Icon} name="key" />
    <div class="token-text">
      <b>${token.name}</b>
      <small class="faint">made ${date(token.created_at)}, ${token.last_used_at ? `used ${ago(token.last_used_at)}` : "not used yet"}</small>
    </div>
    <span class="scopes">
      ${token.printer_id
        ? html`<span class="chip">uploads to ${printerName(token.printer_id)}</span>`
        : token.scopes.map((scope) => html`<span class="chip">${scope}</span>`)}
    </span>
    <${Button} small kind="quiet" icon="trash" label="Revoke ${token.name}" onClick=${onRevoke} />
  </li>`;
}
