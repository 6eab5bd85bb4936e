"""An interpreter of the little PowerShell that our installer is written in.

No package registry offers PowerShell itself. This runs the very script that is served, on real files, so it finds what
is wrong in the script's logic: a wrong condition, a misspelt variable, a lost byte. It cannot find where PowerShell
itself differs from what we believe of it. Whatever it does not know raises an error: the script must not use it.
"""
