import { html } from "../html.js";
import { useEffect } from "../vendor/hooks.js";
import { ArchiveCard } from "../components/archive-card.js";
import { ArchiveDetail } from "../components/archive-detail.js";
import { ArchiveFilters } from "../components/archive-filters.js";
import { Button } from "../components/button.js";
import { Empty, ProblemNotice, Skeletons } from "../components/notice.js";
import { Page } from "../components/page.js";
import { WindowedGrid } from "../components/windowed-grid.js";
import { go } from "../router.js";
import { EVERYTHING, archive } from "../state/archive.js";
import { listen } from "../state/store.js";

/** @import { FileItem } from "../api/types.js" */

const CELL = { width: 216, height: 292 };
const NARROW_CELL = { width: 158, height: 242 };
const GAP = 14;

/** @param {{ rest: string[] }} props */
export function ArchivePage({ rest }) {
  useEffect(() => {
    archive.load();
    return listen((event) => archive.take(event));
  }, []);
  const items = archive.items.value;
  const [shown] = rest;
  return html`<${Page} title="Archive" lead="Everything that was received, with what the slicer knew about it.">
    <${ArchiveFilters} />
    <${ProblemNotice} problem=${archive.problem.value} />
    ${items === null && !archive.problem.value && html`<${Skeletons} count=${8} kind="tile" />`}
    ${items?.length === 0 && html`<${Nothing} />`}
    ${items !== null &&
    items.length > 0 &&
    html`<${WindowedGrid}
      items=${items}
      keyOf=${(/** @type {FileItem} */ file) => file.id}
      render=${(/** @type {FileItem} */ file) => html`<${ArchiveCard} file=${file} />`}
      onNearEnd=${() => archive.more()}
      cell=${CELL}
      narrow=${NARROW_CELL}
      gap=${GAP}
      label="Archived files"
    />`}
    ${shown && html`<${ArchiveDetail} key=${shown} id=${shown} onClose=${() => go("/archive")} />`}
  <//>`;
}

function Nothing() {
  if (archive.narrowed) {
    return html`<${Empty} icon="search" title="Nothing fits">
      <p>Search looks at names, titles, designers, filaments, tags and notes.</p>
      <${Button} onClick=${() => archive.filter(EVERYTHING)}>Show everything<//>
    <//>`;
  }
  return html`<${Empty} icon="archive" title="The archive is empty">
    <p>Files sent to a printer in mode <b>Immediate</b> or <b>Print queue</b>, and those you approve, are kept here.</p>
    <a class="button" href="/set-up">Connect a slicer</a>
  <//>`;
}
