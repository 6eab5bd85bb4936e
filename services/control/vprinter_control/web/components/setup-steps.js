import { html } from "../html.js";
import { useEffect, useState } from "../vendor/hooks.js";
import { get, post } from "../api/client.js";
import { ago } from "../format.js";
import { may } from "../state/session.js";
import { listen } from "../state/store.js";
import { attempt } from "../state/toasts.js";
import { Button } from "./button.js";
import { valueOf } from "./field.js";
import { Icon } from "./icon.js";

/** @import { Setup, SetupStep } from "../api/types.js" */

const TEXTS = {
  seen: { title: "Found", waiting: "Waiting for your slicer to look for the printer…", done: "The slicer found the printer." },
  trusted: { title: "Trusted", waiting: "Waiting for an encrypted connection…", done: "The slicer trusts the certificate." },
  code: { title: "Access code", waiting: "Waiting for the access code…", done: "The access code is right." },
  file: { title: "File", waiting: "Now press Send in the slicer…", done: "A file has arrived." },
};
const ICONS = { done: "check", failed: "alert", waiting: "" };

/** How far a slicer has come, as it happens. @param {{ printer: string }} props */
export function SetupSteps({ printer }) {
  const [setup, setSetup] = useState(/** @type {Setup | null} */ (null));
  const [client, setClient] = useState("");
  const path = `/virtual-printers/${printer}/setup`;
  useEffect(() => {
    let current = true;
    const load = async () => {
      const found = await attempt(get(path, { client }));
      if (current && found) setSetup(found);
    };
    load();
    const end = listen((event) => {
      if (!event || (event.type === "setup.changed" && event.data.printer === printer)) load();
    });
    return () => {
      current = false;
      end();
    };
  }, [path, client]);
  const restart = async () => {
    setClient("");
    const begun = await attempt(post(`${path}/restart`));
    if (begun) setSetup(begun);
  };
  const steps = setup?.steps ?? [];
  const next = steps.findIndex((step) => step.state !== "done");
  const finished = steps.length > 0 && next === -1;
  return html`<section class="card steps" aria-label="Progress of your slicer">
    <header>
      <h2>${finished ? "Connected" : "Your slicer"}</h2>
      ${(setup?.clients.length ?? 0) > 1 &&
      html`<select aria-label="Which computer" value=${setup?.client ?? ""} onChange=${(/** @type {Event} */ event) => setClient(valueOf(event))}>
        ${setup?.clients.map((address) => html`<option value=${address}>${address}</option>`)}
      </select>`}
    </header>
    <ol aria-live="polite">
      ${steps.map((step, index) => html`<${Step} key=${step.step} step=${step} current=${index === next} />`)}
    </ol>
    <footer>
      ${finished && html`<a class="button primary" href="/archive">See what arrived</a>`}
      <${Button} small kind="quiet" icon="refresh" disabled=${!may("printers")} onClick=${restart}>Begin anew<//>
    </footer>
  </section>`;
}

/** @param {{ step: SetupStep, current: boolean }} props */
function Step({ step, current }) {
  const text = TEXTS[step.step];
  const about = step.client && html`<small class="faint">${step.client}, ${ago(step.at)}</small>`;
  return html`<li class="step ${step.state}${current && step.state === "waiting" ? " current" : ""}">
    <span class="step-mark">${ICONS[step.state] && html`<${Icon} name=${ICONS[step.state]} label=${step.state} />`}</span>
    <div>
      <b>${text.title}</b>
      ${step.state === "done" && html`<p>${text.done}</p>`}
      ${step.state === "waiting" && html`<p>${current ? text.waiting : ""}</p>`}
      ${step.problem && html`<p class="step-problem">${step.problem.text}</p>
        ${step.problem.hint && html`<p>${step.problem.hint}</p>`}`}
      ${about}
    </div>
  </li>`;
}
