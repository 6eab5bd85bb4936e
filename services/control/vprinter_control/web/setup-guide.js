// How slicers are told to trust this installation, by system.

/** @typedef {{ system: string, label: string, commands: { about: string, text: string }[], notes: string[], after: string }} Guide */

const QUIT = "Then quit the slicer completely and start it again: it reads its certificates at the start only.";

/** @param {string} platform */
export const installerPath = (platform) => `/api/v1/certificate-authority/installers/${platform}`;

/** @param {string} origin where this page comes from @returns {Guide[]} */
export function guides(origin) {
  const shell = (/** @type {string} */ platform) => `curl -fsS ${origin}${installerPath(platform)} -o trust.sh && sh trust.sh`;
  return [
    {
      system: "windows",
      label: "Windows",
      commands: [
        {
          about: "In a PowerShell started as administrator:",
          text: `irm ${origin}${installerPath("windows")} -OutFile trust.ps1; powershell -ExecutionPolicy Bypass -File .\\trust.ps1`,
        },
      ],
      notes: ["It finds every Bambu Studio and OrcaSlicer on all drives, and says what it did."],
      after: QUIT,
    },
    {
      system: "macos",
      label: "macOS",
      commands: [{ about: "In the Terminal:", text: shell("macos") }],
      notes: ["If macOS refuses the change: System Settings, Privacy & Security, App Management, allow the Terminal. The script says so, too."],
      after: "Then quit the slicer with ⌘Q and start it again: closing its window is not enough.",
    },
    {
      system: "linux",
      label: "Linux",
      commands: [{ about: "In a terminal:", text: shell("linux") }],
      notes: ["For a slicer that is installed for all users, the script asks you to run it again with sudo."],
      after: QUIT,
    },
    {
      system: "appimage",
      label: "AppImage",
      commands: [
        { about: "An AppImage cannot be changed, so unpack it once:", text: "./Slicer.AppImage --appimage-extract" },
        { about: "Then add the certificate to what was unpacked:", text: `${shell("linux")} squashfs-root` },
      ],
      notes: ["From now on start the slicer with squashfs-root/AppRun. After an update: the same again."],
      after: QUIT,
    },
    {
      system: "flatpak",
      label: "Flatpak",
      commands: [
        { about: "In a terminal; with sudo where the Flatpak is installed for all users:", text: shell("linux") },
      ],
      notes: ["Flatpak puts the original back with every update of the slicer: run it again then."],
      after: QUIT,
    },
  ];
}

/** The system this browser runs on, as a first guess. */
export function likelySystem() {
  const agent = navigator.userAgent;
  if (/Windows/.test(agent)) return "windows";
  if (/Macintosh/.test(agent)) return "macos";
  return /Linux/.test(agent) && !/Android/.test(agent) ? "linux" : "windows";
}
