#!/bin/sh
# Makes every Bambu Studio and OrcaSlicer on this computer trust the Virtual Printer whose certificate authority has
# the SHA-256 fingerprint
#   @@FINGERPRINT@@
# Compare it with the one that the printer's page or `vprinter ca show` tells you, if the network is not your own.
# For Linux and macOS; needs a POSIX shell and awk, nothing else. `sh FILE --help` says what it can do.
set -eu
LC_ALL=C
export LC_ALL
unset CDPATH

fingerprint='@@FINGERPRINT@@'
# Earlier authorities of the same installation (base64), and the name that all of them have as it looks in base64.
earlier='@@EARLIER@@'
names='@@NAMES@@'

authority() {
    cat <<'CERTIFICATE'
@@CERTIFICATE@@
CERTIFICATE
}

usage() {
    cat <<'USAGE'
usage: sh FILE [--check | --remove] [--keep-others] [--root DIR] [PATH ...]

Appends the Virtual Printer's certificate authority to the printer.cer of every Bambu Studio and OrcaSlicer found, once,
and takes out older ones of Virtual Printers. What else is in there stays as it is; a copy is kept beside the file
(printer.cer.before-vprinter). Run it again after an update of the slicer, which puts the original back.

  --check        only say which slicers trust the printer
  --remove       take the authority out again
  --keep-others  leave the authorities of other Virtual Printers in
  --root DIR     look below DIR instead of /
  PATH           look here too: a slicer's folder (an unpacked AppImage's squashfs-root, say) or a printer.cer

exit code: 0 all is as wanted; 1 not so, the messages say where and why; 2 wrong arguments; 3 no slicer was found
USAGE
}

say() { printf '%s\n' "$*"; }
fail() {
    printf 'error: %s\n' "$*" >&2
    exit 2
}

# --- where slicers are -------------------------------------------------------------------------------------------

homes() {
    if [ -z "$root" ] && [ -n "${HOME:-}" ]; then say "$HOME"; fi
    for parent in home Users; do
        for home in "$root/$parent"/*; do
            if [ -d "$home" ]; then say "$home"; fi
        done
    done
    for home in "$root/root" "$root/var/root"; do
        if [ -d "$home" ]; then say "$home"; fi
    done
}

# Folders that hold one folder per program.
shelves() {
    for shelf in "$root"/usr/share "$root"/usr/local/share "$root"/usr/lib "$root"/opt "$root"/Applications "$root"/srv; do
        say "$shelf"
    done
    for shelf in "$root"/var/lib/flatpak/app/*/*/*/active/files/share "$root"/snap/*/current "$root"/snap/*/current/share \
        "$root"/snap/*/current/usr/share "$root"/var/lib/snapd/snap/*/current/usr/share; do
        say "$shelf"
    done
    if [ -z "$root" ] && [ -n "${XDG_DATA_HOME:-}" ]; then say "$XDG_DATA_HOME"; fi
    homes | while IFS= read -r home; do
        say "$home"
        for shelf in Applications applications .local/share .local/opt opt bin Downloads Desktop AppImages; do
            say "$home/$shelf"
        done
        for shelf in "$home"/.local/share/flatpak/app/*/*/*/active/files/share; do say "$shelf"; done
    done
}

# Every printer.cer, one a line.
bundles() {
    shelves | while IFS= read -r shelf; do
        for program in "$shelf"/*[Bb]ambu* "$shelf"/*[Oo]rca* "$shelf"/squashfs-root; do
            for inner in resources Contents/Resources Resources . squashfs-root/resources; do
                if [ -f "$program/$inner/cert/printer.cer" ]; then say "$program/$inner/cert/printer.cer"; fi
            done
        done
        # A snap or an unpacked AppImage is a program's folder itself.
        if [ -f "$shelf/resources/cert/printer.cer" ]; then say "$shelf/resources/cert/printer.cer"; fi
    done
}

appimages() {
    shelves | while IFS= read -r shelf; do
        for image in "$shelf"/*[Bb]ambu*.[Aa]pp[Ii]mage "$shelf"/*[Oo]rca*.[Aa]pp[Ii]mage "$shelf"/*/*[Oo]rca*.[Aa]pp[Ii]mage \
            "$shelf"/*/*[Bb]ambu*.[Aa]pp[Ii]mage; do
            if [ -f "$image" ]; then say "$image"; fi
        done
    done
}

# What a path of the command line holds.
given() {
    case $1 in
        *.[Aa]pp[Ii]mage) say "$1" >>"$work/images" ;;
        *) if [ -d "$1" ]; then find "$1" -type f -name printer.cer; else say "$1"; fi ;;
    esac
}

# The same file is often reached in several ways.
each_once() {
    while IFS= read -r path; do
        folder=$(cd -P "${path%/*}" 2>/dev/null && pwd -P) || continue
        say "$folder/${path##*/}"
    done | sort -u
}

# --- one bundle --------------------------------------------------------------------------------------------------

# Writes a bundle without our authorities to standard output, and the counts to a file. Lines keep their bytes, and the
# last one gets its end if it has none; two certificates on one line, which no slicer can read, come apart.
sort_out() {
    KEEP=$1 COUNTS=$2 OWN=$(authority | sed '/-----/d' | tr -d '\n') EARLIER=$earlier NAMES=$names awk '
        function stripped(text) { sub(/[ \t\r]+$/, "", text); return text }
        function kind(body, word, number) {
            if (body == ENVIRON["OWN"]) return "own"
            for (number = 1; number <= split(ENVIRON["EARLIER"], word, " "); number++) if (body == word[number]) return "old"
            for (number = 1; number <= split(ENVIRON["NAMES"], word, " "); number++) if (index(body, word[number])) return "old"
            return "other"
        }
        function take(line, text) {
            text = stripped(line)
            if (text == "-----BEGIN CERTIFICATE-----") {
                if (inside) { damaged = 1; printf "%s", block }
                inside = 1; block = ""; body = ""
            }
            if (!inside) { print line; return }
            block = block line "\n"
            if (text == "-----END CERTIFICATE-----") {
                inside = 0
                if (line ~ /\r$/) crlf = 1
                found = kind(body)
                count[found]++
                if (found == "other" || (found == "old" && ENVIRON["KEEP"] == "yes")) printf "%s", block
            } else if (text !~ /^-----/) body = body text
        }
        {
            while ((at = index($0, "-----END CERTIFICATE----------BEGIN CERTIFICATE-----")) > 0) {
                take(substr($0, 1, at + 24))
                $0 = substr($0, at + 25)
                joined++
            }
            take($0)
        }
        END {
            if (inside) { damaged = 1; printf "%s", block }
            print count["own"] + 0, count["old"] + 0, count["other"] + 0, joined + 0, damaged + 0, crlf + 0 >ENVIRON["COUNTS"]
        }
    ' <"$3"
}

ends_its_last_line() { [ -z "$(tail -c 1 "$1")" ]; }

# The content of file $1 becomes that of file $2: whole or not at all, with the same owner and rights.
put() {
    if [ ! -L "$2" ] && cp -p "$2" "$2.vprinter-new" 2>/dev/null; then
        if cat "$1" >"$2.vprinter-new" && mv -f "$2.vprinter-new" "$2"; then return 0; fi
        rm -f "$2.vprinter-new"
        return 1
    fi
    # A link, or a folder in which nothing can be made although the file itself can be written.
    cat "$1" >"$2"
}

cannot_write() {
    say "  FAILED: it cannot be written."
    case $1 in
        */snap/*) say "  A snap cannot be changed. Use the slicer's AppImage unpacked, its Flatpak, or OctoPrint upload in OrcaSlicer." ;;
        /tmp/.mount_*) say "  It is inside a running AppImage, which cannot be changed; unpack the AppImage (see --help)." ;;
        *.app/*)
            say "  Run this again with sudo. If that fails too, let the terminal change applications: System Settings,"
            say "  Privacy & Security, App Management."
            ;;
        *) say "  Run this again with sudo." ;;
    esac
    bad=1
}

# One bundle: say what it is, and make it what is wanted.
handle() {
    file=$1
    say "$file"
    if [ ! -r "$file" ]; then
        say "  FAILED: this user may not read it. Run this again with sudo."
        bad=1
        return 0
    fi
    sort_out "$keep" "$work/counts" "$file" >"$work/kept"
    read -r own old others joined damaged crlf <"$work/counts"
    if [ "$damaged" = 1 ]; then
        say "  FAILED: the file is damaged: a certificate has no end. Install the slicer again, then run this again."
        bad=1
        return 0
    fi
    if [ "$keep" = yes ]; then old=0; fi
    case $action in
        check) check ;;
        remove) remove ;;
        *) install ;;
    esac
}

check() {
    if [ "$own" = 1 ] && [ "$joined" = 0 ] && [ "$old" = 0 ]; then
        say "  trusts the printer"
        return 0
    fi
    bad=1
    if [ "$joined" != 0 ]; then
        say "  DAMAGED: two certificates stand on one line. Run this without --check to repair it."
    elif [ "$own" != 0 ]; then
        say "  TOO MANY: our authority is there $own times, older ones $old times. Run this without --check to tidy up."
    elif [ "$old" != 0 ]; then
        say "  DOES NOT trust the printer: an older authority is there. Run this without --check to replace it."
    else
        say "  DOES NOT trust the printer"
    fi
}

install() {
    if [ "$own" = 1 ] && [ "$joined" = 0 ] && [ "$old" = 0 ]; then
        say "  already trusts the printer; nothing to do"
        return 0
    fi
    end=''
    if [ "$crlf" = 1 ]; then end=$(printf '\r'); fi
    authority | while IFS= read -r line; do printf '%s%s\n' "$line" "$end"; done >"$work/ours"
    cat "$work/ours" >>"$work/kept"
    if [ ! -w "$file" ] || ! back_up || ! put "$work/kept" "$file" 2>/dev/null; then
        cannot_write "$file"
        return 0
    fi
    if [ "$joined" != 0 ]; then say "  repaired: two certificates stood on one line"; fi
    if [ "$own" -gt 1 ]; then say "  our authority was there $own times; now it is there once"; fi
    if [ "$old" != 0 ]; then say "  replaced an older authority"; fi
    if [ "$own" = 0 ]; then say "  appended our authority"; fi
    if [ "$others" = 0 ]; then
        say "  WARNING: it holds no other certificate, so real printers will not connect. Install the slicer again."
    fi
    case $file in
        *.app/*) say "  If macOS now calls the program damaged: codesign --force --deep --sign - \"${file%%.app/*}.app\"" ;;
    esac
    changed=1
}

# A copy of the file as the slicer brought it: made anew after each update of the slicer.
back_up() {
    if [ "$own" = 0 ] && [ "$old" = 0 ] || [ ! -e "$file.before-vprinter" ]; then
        cp -p "$file" "$file.before-vprinter" 2>/dev/null || return 1
        say "  kept a copy: $file.before-vprinter"
    fi
}

remove() {
    if [ "$own" = 0 ] && [ "$old" = 0 ]; then
        say "  has none of our authorities; nothing to do"
        return 0
    fi
    as_before=no
    if [ -r "$file.before-vprinter" ]; then
        cat "$file.before-vprinter" >"$work/before"
        if [ -s "$work/before" ] && ! ends_its_last_line "$work/before"; then printf '\n' >>"$work/before"; fi
        if cmp -s "$work/before" "$work/kept"; then
            cat "$file.before-vprinter" >"$work/kept"
            as_before=yes
        fi
    fi
    if [ ! -w "$file" ] || ! put "$work/kept" "$file" 2>/dev/null; then
        cannot_write "$file"
        return 0
    fi
    if [ "$as_before" = yes ]; then
        rm -f "$file.before-vprinter"
        say "  removed our authority; the file is as the slicer brought it"
    else
        say "  removed our authority"
    fi
    changed=1
}

# --- all of them -------------------------------------------------------------------------------------------------

tell_appimage() {
    say "$1"
    say "  An AppImage cannot be changed; the slicer in it trusts only what was packed into it. Unpack it once:"
    say "    cd \"${1%/*}\" && \"./${1##*/}\" --appimage-extract"
    say "  run this again, and from then on start the slicer with"
    say "    \"${1%/*}/squashfs-root/AppRun\""
    say "  (after an update of the AppImage: the same again)"
}

main() {
    action=install keep=no root='' bad=0 changed=0
    work=$(mktemp -d "${TMPDIR:-/tmp}/vprinter.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' HUP INT TERM
    : >"$work/given"
    : >"$work/images"
    while [ $# -gt 0 ]; do
        case $1 in
            --check) action=check ;;
            --remove) action=remove ;;
            --keep-others) keep=yes ;;
            --root)
                [ -d "${2:-}" ] || fail "--root needs a folder"
                root=${2%/}
                shift
                ;;
            -h | --help)
                usage
                exit 0
                ;;
            -*) fail "unknown option $1; --help lists them" ;;
            *)
                [ -e "$1" ] || fail "there is no $1"
                case $1 in /*) given "$1" ;; *) given "$PWD/$1" ;; esac >>"$work/given"
                ;;
        esac
        shift
    done
    say "Virtual Printer, authority $fingerprint"
    { cat "$work/given"; bundles; } | each_once >"$work/bundles"
    appimages >>"$work/images"
    while IFS= read -r path <&3; do handle "$path"; done 3<"$work/bundles"
    each_once <"$work/images" >"$work/appimages"
    while IFS= read -r path; do
        if ! grep -qF "${path%/*}/squashfs-root/" "$work/bundles"; then tell_appimage "$path"; fi
    done <"$work/appimages"
    if [ ! -s "$work/bundles" ]; then
        say "No slicer was found whose certificates can be changed. If one is installed, say where: sh FILE /path/to/it"
        exit 3
    fi
    if [ "$changed" = 1 ]; then say "Now quit the slicer completely (macOS: Cmd+Q) and start it again."; fi
    exit "$bad"
}

main "$@"
