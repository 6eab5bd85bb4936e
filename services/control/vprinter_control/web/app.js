import { html } from "./html.js";
import { Shell } from "./components/shell.js";
import { Toasts } from "./components/toasts.js";
import { ArchivePage } from "./pages/archive.js";
import { DoctorPage } from "./pages/doctor.js";
import { IncomingPage } from "./pages/incoming.js";
import { LoginPage } from "./pages/login.js";
import { MorePage } from "./pages/more.js";
import { PrintersPage } from "./pages/printers.js";
import { QueuePage } from "./pages/queue.js";
import { SettingsPage } from "./pages/settings.js";
import { SetupPage } from "./pages/setup.js";
import { place } from "./router.js";
import { session } from "./state/session.js";

/** @type {Record<string, any>} */
const PAGES = {
  printers: PrintersPage,
  incoming: IncomingPage,
  archive: ArchivePage,
  queue: QueuePage,
  "set-up": SetupPage,
  settings: SettingsPage,
  doctor: DoctorPage,
  more: MorePage,
};

export function App() {
  if (session.value === undefined) return null;
  if (session.value === null) return html`<${LoginPage} />`;
  const [name = "printers", ...rest] = place.value.parts;
  const Current = PAGES[name] ?? PrintersPage;
  return html`<${Shell} current=${PAGES[name] ? name : "printers"}><${Current} rest=${rest} /><//><${Toasts} />`;
}
