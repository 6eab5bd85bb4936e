# Makes every Bambu Studio and OrcaSlicer on this computer trust the Virtual Printer whose certificate authority has
# the SHA-256 fingerprint
#   @@FINGERPRINT@@
# Compare it with the one that the printer's page or `vprinter ca show` tells you, if the network is not your own.
#
# Run it in a PowerShell that was started as administrator:
#   powershell -ExecutionPolicy Bypass -File trust-virtual-printer.ps1 [-Check | -Remove] [-KeepOthers] [FOLDER ...]
#
# It appends the authority to the printer.cer of every slicer found, once, and takes out older ones of Virtual Printers.
# What else is in there stays as it is; a copy is kept beside the file (printer.cer.before-vprinter). Run it again after
# an update of the slicer, which puts the original back.
#   -Check       only say which slicers trust the printer
#   -Remove      take the authority out again
#   -KeepOthers  leave the authorities of other Virtual Printers in
#   -Root DIR    look below DIR instead of on all drives
#   FOLDER       look here too: a slicer's folder or a printer.cer
# Exit code: 0 all is as wanted; 1 not so, the messages say where and why; 2 wrong arguments; 3 no slicer was found
param(
    [switch]$Check,
    [switch]$Remove,
    [switch]$KeepOthers,
    [string]$Root = '',
    [Parameter(ValueFromRemainingArguments = $true)][string[]]$Path = @()
)
Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'

$Authority = @'
@@CERTIFICATE@@
'@
# Earlier authorities of the same installation (base64), and the name that all of them have as it looks in base64.
$Earlier = '@@EARLIER@@'
$Names = '@@NAMES@@'

# One character for each byte, so that what is not ours is written as it was read.
$Bytes = [Text.Encoding]::GetEncoding(28591)
$Own = ($Authority -replace '-----[A-Z ]+-----', '') -replace '\s', ''

# --- where slicers are -------------------------------------------------------------------------------------------

function Get-Folders([string]$Folder) {
    try { return @([IO.Directory]::GetDirectories($Folder)) } catch { return @() }
}

function Get-Roots {
    if ($Root -ne '') { return @($Root) }
    $found = @()
    foreach ($drive in [IO.DriveInfo]::GetDrives()) {
        if ($drive.DriveType -eq 'Fixed') { $found += $drive.Name }
    }
    return $found
}

# Folders that hold one folder per program.
function Get-Shelves {
    $found = @()
    foreach ($top in @(Get-Roots)) {
        $found += $top
        foreach ($name in 'Program Files', 'Program Files (x86)', 'Programs') { $found += [IO.Path]::Combine($top, $name) }
        foreach ($user in @(Get-Folders ([IO.Path]::Combine($top, 'Users')))) {
            $local = [IO.Path]::Combine($user, 'AppData', 'Local')
            $found += $local
            $found += [IO.Path]::Combine($local, 'Programs')
            foreach ($name in 'Desktop', 'Downloads', 'Documents') { $found += [IO.Path]::Combine($user, $name) }
        }
    }
    return $found
}

# Where slicers say that they were installed.
function Get-Registered {
    $found = @()
    if ($Root -ne '') { return $found }
    foreach ($hive in 'HKLM:\SOFTWARE', 'HKLM:\SOFTWARE\WOW6432Node', 'HKCU:\SOFTWARE') {
        $entries = @(Get-ItemProperty "$hive\Microsoft\Windows\CurrentVersion\Uninstall\*" -ErrorAction SilentlyContinue)
        foreach ($entry in $entries) {
            $known = @($entry.PSObject.Properties | ForEach-Object { $_.Name })
            if (($known -contains 'DisplayName') -and ($known -contains 'InstallLocation')) {
                if (($entry.DisplayName -match 'bambu|orca') -and $entry.InstallLocation) { $found += $entry.InstallLocation.Trim('"') }
            }
        }
    }
    return $found
}

function Add-Bundle($Found, [string]$Folder) {
    foreach ($inner in 'resources', '.') {
        $file = [IO.Path]::GetFullPath([IO.Path]::Combine($Folder, $inner, 'cert', 'printer.cer'))
        if ([IO.File]::Exists($file) -and -not $Found.Contains($file)) { $Found.Add($file) }
    }
}

function Get-Bundles {
    $found = New-Object 'System.Collections.Generic.List[string]'
    foreach ($given in $Path) {
        if ([IO.File]::Exists($given)) {
            $file = [IO.Path]::GetFullPath($given)
            if (-not $found.Contains($file)) { $found.Add($file) }
        } else {
            foreach ($folder in @($given) + @(Get-Folders $given)) { Add-Bundle $found $folder }
        }
    }
    foreach ($shelf in @(Get-Shelves)) {
        foreach ($program in @(Get-Folders $shelf)) {
            if ([IO.Path]::GetFileName($program) -match 'bambu|orca') {
                foreach ($folder in @($program) + @(Get-Folders $program)) { Add-Bundle $found $folder }
            }
        }
    }
    foreach ($folder in @(Get-Registered)) { Add-Bundle $found $folder }
    return $found.ToArray()
}

# --- one bundle --------------------------------------------------------------------------------------------------

function Get-Kind([string]$Body) {
    if ($Body -ceq $Own) { return 'own' }
    foreach ($old in $Earlier.Split(' ')) { if (($old -ne '') -and ($Body -ceq $old)) { return 'old' } }
    foreach ($name in $Names.Split(' ')) { if ($Body.Contains($name)) { return 'old' } }
    return 'other'
}

# What a bundle holds, and its text without our authorities. Two certificates on one line, which no slicer can read,
# come apart.
function Read-Bundle([string]$File) {
    $text = $Bytes.GetString([IO.File]::ReadAllBytes($File))
    $line = "`n"
    if ($text.Contains("-----END CERTIFICATE-----`r`n")) { $line = "`r`n" }
    $whole = $text -replace '-----END CERTIFICATE----------BEGIN CERTIFICATE-----', "-----END CERTIFICATE-----$line-----BEGIN CERTIFICATE-----"
    if (($whole -ne '') -and -not $whole.EndsWith("`n")) { $whole += $line }
    $blocks = [regex]::Matches($whole, '(?m)^-----BEGIN CERTIFICATE-----[ \t]*\r?\n([^-]*)^-----END CERTIFICATE-----[ \t]*\r?\n')
    $begun = [regex]::Matches($whole, '(?m)^-----BEGIN CERTIFICATE-----')
    $counts = @{ own = 0; old = 0; other = 0 }
    $kept = ''
    $at = 0
    foreach ($block in $blocks) {
        $kind = Get-Kind ($block.Groups[1].Value -replace '\s', '')
        $counts[$kind] += 1
        $kept += $whole.Substring($at, $block.Index - $at)
        if (($kind -eq 'other') -or (($kind -eq 'old') -and $KeepOthers)) { $kept += $block.Value }
        $at = $block.Index + $block.Length
    }
    $kept += $whole.Substring($at)
    $old = $counts['old']
    if ($KeepOthers) { $old = 0 }
    return @{
        Kept = $kept
        Line = $line
        Own = $counts['own']
        Old = $old
        Others = $counts['other']
        Joined = $text.Contains('-----END CERTIFICATE----------BEGIN CERTIFICATE-----')
        Damaged = $begun.Count -ne $blocks.Count
    }
}

function Write-Bundle([string]$File, [string]$Text) {
    [IO.File]::WriteAllBytes($File, $Bytes.GetBytes($Text))
}

function Test-Done($Bundle) {
    return ($Bundle.Own -eq 1) -and ($Bundle.Old -eq 0) -and (-not $Bundle.Joined)
}

function Test-Bundle($Bundle) {
    if (Test-Done $Bundle) {
        Write-Host '  trusts the printer'
        return $true
    }
    if ($Bundle.Joined) {
        Write-Host '  DAMAGED: two certificates stand on one line. Run this without -Check to repair it.'
    } elseif ($Bundle.Own -gt 0) {
        Write-Host "  TOO MANY: our authority is there $($Bundle.Own) times, older ones $($Bundle.Old) times. Run this without -Check to tidy up."
    } elseif ($Bundle.Old -gt 0) {
        Write-Host '  DOES NOT trust the printer: an older authority is there. Run this without -Check to replace it.'
    } else {
        Write-Host '  DOES NOT trust the printer'
    }
    return $false
}

function Add-Authority([string]$File, $Bundle) {
    if (Test-Done $Bundle) {
        Write-Host '  already trusts the printer; nothing to do'
        return $false
    }
    $copy = "$File.before-vprinter"
    if ((($Bundle.Own -eq 0) -and ($Bundle.Old -eq 0)) -or -not [IO.File]::Exists($copy)) {
        [IO.File]::Copy($File, $copy, $true)
        Write-Host "  kept a copy: $copy"
    }
    $ours = (($Authority -replace '\r', '').Trim() -replace '\n', $Bundle.Line) + $Bundle.Line
    Write-Bundle $File ($Bundle.Kept + $ours)
    if ($Bundle.Joined) { Write-Host '  repaired: two certificates stood on one line' }
    if ($Bundle.Own -gt 1) { Write-Host "  our authority was there $($Bundle.Own) times; now it is there once" }
    if ($Bundle.Old -gt 0) { Write-Host '  replaced an older authority' }
    if ($Bundle.Own -eq 0) { Write-Host '  appended our authority' }
    if ($Bundle.Others -eq 0) {
        Write-Host '  WARNING: it holds no other certificate, so real printers will not connect. Install the slicer again.'
    }
    return $true
}

function Remove-Authority([string]$File, $Bundle) {
    if (($Bundle.Own -eq 0) -and ($Bundle.Old -eq 0)) {
        Write-Host '  has none of our authorities; nothing to do'
        return $false
    }
    $copy = "$File.before-vprinter"
    if ([IO.File]::Exists($copy)) {
        $before = $Bytes.GetString([IO.File]::ReadAllBytes($copy))
        if (($before -ceq $Bundle.Kept) -or (($before + $Bundle.Line) -ceq $Bundle.Kept)) {
            Write-Bundle $File $before
            [IO.File]::Delete($copy)
            Write-Host '  removed our authority; the file is as the slicer brought it'
            return $true
        }
    }
    Write-Bundle $File $Bundle.Kept
    Write-Host '  removed our authority'
    return $true
}

# --- all of them -------------------------------------------------------------------------------------------------

if ($Check -and $Remove) {
    Write-Host 'error: -Check and -Remove exclude each other'
    exit 2
}
foreach ($given in $Path) {
    if (-not ([IO.File]::Exists($given) -or [IO.Directory]::Exists($given))) {
        Write-Host "error: there is no $given"
        exit 2
    }
}
Write-Host 'Virtual Printer, authority @@FINGERPRINT@@'
$bad = $false
$changed = $false
$files = @(Get-Bundles)
foreach ($file in $files) {
    Write-Host $file
    try {
        $bundle = Read-Bundle $file
        if ($bundle.Damaged) {
            Write-Host '  FAILED: the file is damaged: a certificate has no end. Install the slicer again, then run this again.'
            $bad = $true
        } elseif ($Check) {
            if (-not (Test-Bundle $bundle)) { $bad = $true }
        } elseif ($Remove) {
            if (Remove-Authority $file $bundle) { $changed = $true }
        } else {
            if (Add-Authority $file $bundle) { $changed = $true }
        }
    } catch [UnauthorizedAccessException] {
        Write-Host '  FAILED: it cannot be written. Run this again in a PowerShell that was started as administrator.'
        $bad = $true
    } catch [IO.IOException] {
        Write-Host '  FAILED: it cannot be read or written. Quit the slicer, then run this again.'
        $bad = $true
    }
}
if ($files.Count -eq 0) {
    Write-Host 'No slicer was found. If one is installed, say where: give its folder as an argument.'
    exit 3
}
if ($changed) { Write-Host 'Now quit the slicer completely (Task Manager: End task) and start it again.' }
if ($bad) { exit 1 }
exit 0
