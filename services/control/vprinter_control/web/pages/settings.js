import { html } from "../html.js";
import { AuditTrail } from "../components/audit-trail.js";
import { AuthorityPanel } from "../components/authority.js";
import { Notice } from "../components/notice.js";
import { Page } from "../components/page.js";
import { Tokens } from "../components/tokens.js";
import { may } from "../state/session.js";

const PARTS = [
  { name: "tokens", label: "Tokens", content: Tokens },
  { name: "certificate", label: "Certificate", content: AuthorityPanel },
  { name: "audit", label: "Audit trail", content: AuditTrail },
];

/** @param {{ rest: string[] }} props */
export function SettingsPage({ rest }) {
  const part = PARTS.find((one) => one.name === rest[0]) ?? PARTS[0];
  const Content = part.content;
  return html`<${Page} title="Access" lead="Who may do what, whom slicers trust, and what was done.">
    <nav class="segments settings-nav" aria-label="Access">
      ${PARTS.map((one) => html`<a href="/settings/${one.name}" aria-current=${one === part ? "page" : null}>${one.label}</a>`)}
    </nav>
    ${may("admin") || part.name === "certificate" ? html`<${Content} />` : html`<${Notice} kind="info" title="This takes a token with the scope admin." />`}
  <//>`;
}
