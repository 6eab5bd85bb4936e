import { html } from "../html.js";
import { post } from "../api/client.js";
import { ago, size } from "../format.js";
import { slicerName } from "../printer.js";
import { portName } from "../real-printer.js";
import { may } from "../state/session.js";
import { slicers } from "../state/slicers.js";
import { attempt } from "../state/toasts.js";
import { Button } from "./button.js";

/** @import { Printer, RelayedSession } from "../api/types.js" */

/** Who is connected through a proxy, and what passes. @param {{ printer: Printer }} props */
export function Connections({ printer }) {
  const items = slicers.byPrinter.value[printer.id]?.items ?? [];
  if (!items.length) return html`<p class="hint">Nobody is connected.</p>`;
  return html`<ul class="rows connections" aria-label="Connections of ${printer.name}">
    ${items.map((one) => html`<${Connection} key=${one.session} printer=${printer} session=${one} />`)}
  </ul>`;
}

/** @param {{ printer: Printer, session: RelayedSession }} props */
function Connection({ printer, session }) {
  const who = session.owner || slicerName(session.slicer) || session.client;
  const what = [portName(session.port), `since ${ago(session.since)}`, session.last_command].filter(Boolean).join(", ");
  const end = () => attempt(post(`/virtual-printers/${printer.id}/sessions/${session.session}/disconnect`));
  return html`<li>
    <span class="connection">
      <b class="clip">${who}</b>
      <small class="faint">${who !== session.client && `${session.client}, `}${what}</small>
      <small class="faint"><span title="To the printer">↑ ${size(session.to_target)}</span> <span title="To the slicer">↓ ${size(session.to_client)}</span></small>
    </span>
    ${session.port !== null &&
    html`<${Button} small kind="quiet" label="Disconnect ${who}, ${portName(session.port)}" disabled=${!may("printers")} onClick=${end}>Disconnect<//>`}
  </li>`;
}
