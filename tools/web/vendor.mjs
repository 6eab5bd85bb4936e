// Writes the page's libraries into web/vendor from the installed packages; with --check only says whether they differ.
// A browser knows no bare names, and an import map would be an inline script: so imports are made relative here.
import { readFileSync, writeFileSync } from "node:fs";

const TARGET = new URL("../../services/control/vprinter_control/web/vendor/", import.meta.url);
const PACKAGES = new URL("node_modules/", import.meta.url);
const MODULES = {
  "preact.js": "preact/dist/preact.module.js",
  "hooks.js": "preact/hooks/dist/hooks.module.js",
  "htm.js": "htm/dist/htm.module.js",
  "signals-core.js": "@preact/signals-core/dist/signals-core.module.js",
  "signals.js": "@preact/signals/dist/signals.module.js",
};
const NAMES = {
  preact: "./preact.js",
  "preact/hooks": "./hooks.js",
  "@preact/signals-core": "./signals-core.js",
};

const read = (path) => readFileSync(new URL(path, PACKAGES), "utf8");

const relative = (source) =>
  source
    .replace(/\bfrom\s*"([^"]+)"/g, (_, name) => `from"${NAMES[name] ?? name}"`)
    .replace(/\n?\/\/# sourceMappingURL=.*\n?$/, "\n");

function licences() {
  const parts = ["preact", "htm", "@preact/signals-core", "@preact/signals"].map((name) => {
    const { version, license } = JSON.parse(read(`${name}/package.json`));
    const from = Object.entries(MODULES).filter(([, path]) => path.startsWith(`${name}/`));
    const files = from.map(([file]) => `\`${file}\``).join(", ");
    return `## ${name} ${version} (${license})\n\nFiles: ${files}\n\n\`\`\`\n${read(`${name}/LICENSE`).trim()}\n\`\`\`\n`;
  });
  return (
    "# Libraries of the page\n\nTaken from their npm packages by `tools/web/vendor.mjs`: unchanged but for relative " +
    `imports and no source maps.\n\n${parts.join("\n")}`
  );
}

const wanted = { "LICENCES.md": licences() };
for (const [file, path] of Object.entries(MODULES)) wanted[file] = relative(read(path));

let differ = 0;
for (const [file, text] of Object.entries(wanted)) {
  const place = new URL(file, TARGET);
  if (!process.argv.includes("--check")) {
    writeFileSync(place, text);
  } else if (readFileSync(place, "utf8") !== text) {
    console.error(`web/vendor/${file} is not what tools/web/vendor.mjs makes of the packages`);
    differ = 1;
  }
}
process.exit(differ);
