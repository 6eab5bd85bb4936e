import { html } from "../html.js";
import { useState } from "../vendor/hooks.js";
import { plural } from "../format.js";
import { Button } from "./button.js";
import { Dialog } from "./dialog.js";
import { FilingFields, NO_FILING, filingBody } from "./filing.js";
import { Icon } from "./icon.js";

/** @import { FileItem } from "../api/types.js" */
/** @import { Filing } from "./filing.js" */

const DESTINATIONS = /** @type {const} */ ([
  { to: "archive", label: "Archive", icon: "archive", about: "Keep it, print it later or never." },
  { to: "queue", label: "Archive and queue", icon: "queue", about: "Each plate joins the end of the queue." },
]);

/**
 * Approve uploads with project, tags and notes.
 * @param {{ files: FileItem[], onClose: () => void, onApprove: (to: "archive" | "queue", filing: ReturnType<typeof filingBody>) => void }} props
 */
export function Approval({ files, onClose, onApprove }) {
  const [to, setTo] = useState(/** @type {"archive" | "queue"} */ ("archive"));
  const [first] = files;
  const start = files.length === 1 ? { project_id: first.project_id, tags: first.tags.join(", "), notes: first.notes } : NO_FILING;
  const [filing, setFiling] = useState(/** @type {Filing} */ (start));
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    onApprove(to, filingBody(filing));
  };
  const title = files.length === 1 ? `Approve ${first.title || first.name}` : `Approve ${plural(files.length, "upload")}`;
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <form onSubmit=${submit}>
      <div class="dialog-body form">
        <fieldset class="modes">
          <legend>Where to</legend>
          ${DESTINATIONS.map(
            (entry) => html`<label class="mode">
              <input type="radio" name="to" checked=${to === entry.to} onChange=${() => setTo(entry.to)} />
              <${Icon} name=${entry.icon} /><span><b>${entry.label}</b><small>${entry.about}</small></span>
            </label>`,
          )}
        </fieldset>
        <${FilingFields} filing=${filing} onChange=${(/** @type {Partial<Filing>} */ change) => setFiling((before) => ({ ...before, ...change }))} />
      </div>
      <footer>
        <${Button} onClick=${onClose}>Cancel<//>
        <${Button} type="submit" kind="primary">Approve<//>
      </footer>
    </form>
  <//>`;
}
