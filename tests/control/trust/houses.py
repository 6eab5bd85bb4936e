"""Where slicers are installed, per system: paths of `printer.cer` below the root of a tree."""

LINUX = (
    "home/ann/.local/share/BambuStudio/resources/cert",
    "home/ann/.local/share/OrcaSlicer/resources/cert",
    "home/bob smith/.local/share/OrcaSlicer/resources/cert",
    "root/.local/share/BambuStudio/resources/cert",
    "usr/share/BambuStudio/resources/cert",
    "usr/share/OrcaSlicer/cert",
    "usr/local/share/BambuStudio/cert",
    "opt/bambustudio-bin/resources/cert",
    "opt/orca-slicer/resources/cert",
    "var/lib/flatpak/app/com.bambulab.BambuStudio/x86_64/stable/active/files/share/BambuStudio/cert",
    "home/ann/.local/share/flatpak/app/io.github.softfever.OrcaSlicer/x86_64/stable/active/files/share/OrcaSlicer/cert",
    "home/ann/Applications/squashfs-root/resources/cert",
    "home/ann/squashfs-root/resources/cert",
    "home/ann/Downloads/OrcaSlicer_Linux/squashfs-root/resources/cert",
)
MACOS = (
    "Applications/BambuStudio.app/Contents/Resources/cert",
    "Applications/OrcaSlicer.app/Contents/Resources/cert",
    "Users/ann/Applications/Orca Slicer.app/Contents/Resources/cert",
)
WINDOWS = (
    "Program Files/Bambu Studio/resources/cert",
    "Program Files/OrcaSlicer/resources/cert",
    "Program Files (x86)/OrcaSlicer/resources/cert",
    "Users/ann/AppData/Local/Programs/OrcaSlicer/resources/cert",
    "Users/Bob Smith/Downloads/OrcaSlicer_portable/OrcaSlicer/resources/cert",
)
