import { html } from "../html.js";
import { useEffect, useRef, useState } from "../vendor/hooks.js";
import { Button } from "./button.js";
import { Notice } from "./notice.js";

const PATIENCE = 7000;

/** @typedef {"idle" | "asking" | "answered" | "silent" | "unable"} Verdict */

/**
 * Asks the printer's address from this browser, in a frame that may do nothing else.
 * @param {{ address: string, port: number }} props
 */
export function PortCheck({ address, port }) {
  const [verdict, setVerdict] = useState(/** @type {Verdict} */ ("idle"));
  const frame = useRef(/** @type {HTMLIFrameElement | null} */ (null));
  const asking = verdict === "asking";
  useEffect(() => setVerdict("idle"), [address]);
  useEffect(() => {
    if (!asking) return;
    /** @param {MessageEvent} event */
    const hear = (event) => {
      if (event.source !== frame.current?.contentWindow || event.data?.kind !== "port-check") return;
      setVerdict(event.data.answered ? "answered" : "silent");
    };
    const timer = setTimeout(() => setVerdict("unable"), PATIENCE);
    addEventListener("message", hear);
    return () => {
      clearTimeout(timer);
      removeEventListener("message", hear);
    };
  }, [asking]);
  const ask = () => setVerdict(location.protocol === "https:" ? "unable" : "asking");
  const send = () => frame.current?.contentWindow?.postMessage({ address, port }, "*");
  return html`<div class="port-check">
    <${Button} icon="plug" disabled=${asking} onClick=${ask}>${asking ? "Asking…" : "Can this computer reach it?"}<//>
    ${asking && html`<iframe ref=${frame} class="visually-hidden" title="Port check" sandbox="allow-scripts" src="/port-check" onLoad=${send}></iframe>`}
    <div aria-live="polite">${VERDICTS[verdict]?.(address, port)}</div>
  </div>`;
}

/** @type {Partial<Record<Verdict, (address: string, port: number) => any>>} */
const VERDICTS = {
  answered: (address) => html`<${Notice} kind="good" title="${address} answers this computer.">
    A browser cannot look further: if a slicer here still fails, the steps beside show how far it comes.
  <//>`,
  silent: (address, port) => html`<${Notice} kind="bad" title="No answer from ${address} within 4 seconds.">
    A firewall drops the connection, or this computer has no way there. Allow TCP ${port}, 3002, 8883, 990 and 50000–50100 to
    ${` ${address}`}. From another network, a VPN needs a route to it.
  <//>`,
  unable: (address) => html`<${Notice} kind="info" title="This browser cannot tell.">
    Over HTTPS, or with such questions forbidden, browsers refuse to ask. In a terminal: <code>nc -vz ${address} 8883</code>, in
    PowerShell: <code>Test-NetConnection ${address} -Port 8883</code>.
  <//>`,
};
