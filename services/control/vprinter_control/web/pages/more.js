import { html } from "../html.js";
import { Button } from "../components/button.js";
import { Icon } from "../components/icon.js";
import { Page } from "../components/page.js";
import { LinkState, SECONDARY } from "../components/shell.js";
import { session, signOut } from "../state/session.js";

/** What has no room in a phone's navigation. */
export function MorePage() {
  return html`<${Page} title="More">
    <ul class="link-list">
      ${SECONDARY.map(
        ({ name, label, icon, about }) => html`<li>
          <a href="/${name}"><${Icon} name=${icon} /><span><b>${label}</b><small>${about}</small></span></a>
        </li>`,
      )}
      <li>
        <a href="/api/docs"><${Icon} name="book" /><span><b>API</b><small>What scripts can do.</small></span></a>
      </li>
    </ul>
    <p class="more-foot">
      <${LinkState} /> Signed in as <b>${session.value?.name}</b>
      <${Button} small icon="logout" onClick=${signOut}>Sign out<//>
    </p>
  <//>`;
}
