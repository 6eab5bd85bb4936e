import { html } from "../html.js";
import { useState } from "../vendor/hooks.js";
import { plural } from "../format.js";
import { Code } from "./copy.js";
import { Icon } from "./icon.js";
import { Notice } from "./notice.js";

/** @import { Diagnosis as Found, DiagnosisStep } from "../api/types.js" */

const ICONS = { ok: "check", warning: "alert", failed: "close", skipped: "more" };
const PLACES = /** @type {const} */ ([
  ["native", "Native"],
  ["docker", "Docker"],
  ["nas", "NAS"],
]);

/** What the doctor found. @param {{ found: Found }} props */
export function Diagnosis({ found }) {
  const [place, setPlace] = useState(/** @type {"native" | "docker" | "nas"} */ ("native"));
  const wrong = found.steps.filter((step) => step.verdict === "failed" || step.verdict === "warning");
  const failed = found.steps.filter((step) => step.verdict === "failed").length;
  const summary = {
    ok: html`<${Notice} kind="good" title="All well.">A slicer that trusts the certificate can find this printer and send to it.<//>`,
    warning: html`<${Notice} kind="warn" title="It works, but look at this.">${plural(wrong.length, "step")} below could become a problem.<//>`,
    failed: html`<${Notice} kind="bad" title="${plural(failed, "step")} failed.">Begin with the first: what follows often comes of it.<//>`,
  };
  return html`${summary[found.verdict]}
    ${wrong.some((step) => step.remedy) &&
    html`<div class="segments" role="group" aria-label="How this system is installed">
      ${PLACES.map(([name, label]) => html`<button type="button" aria-pressed=${place === name} onClick=${() => setPlace(name)}>${label}</button>`)}
    </div>`}
    <ol class="diagnosis">
      ${found.steps.map((step) => html`<${Step} key=${step.step} step=${step} place=${place} />`)}
    </ol>`;
}

/** @param {{ step: DiagnosisStep, place: "native" | "docker" | "nas" }} props */
function Step({ step, place }) {
  const remedy = step.remedy?.[place];
  return html`<li class="card ${step.verdict}">
    <span class="step-mark"><${Icon} name=${ICONS[step.verdict]} label=${step.verdict} /></span>
    <div>
      <h3>${step.title}</h3>
      <p>${step.detail}</p>
      ${remedy && html`<div class="remedy"><${Remedy} text=${remedy} /></div>`}
    </div>
    <small class="faint">${step.seconds ? `${step.seconds.toFixed(1)} s` : ""}</small>
  </li>`;
}

/** Sentences, and commands on lines of their own to copy. @param {{ text: string }} props */
function Remedy({ text }) {
  return text
    .split("\n")
    .filter((line) => line.trim())
    .map((line) => (/^(\s{2,}|\$ )/.test(line) ? html`<${Code} text=${line.replace(/^\s*(\$ )?/, "")} what="command" />` : html`<p>${line}</p>`));
}
