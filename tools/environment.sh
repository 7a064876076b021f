#!/bin/sh
# Make a virtual environment with the machine's Python: tools/environment.sh FOLDER
set -eu
folder=$1

say() { printf '%s\n' "$1" >&2; }

# python3 first: it is the one that the machine's owner chose. A pyenv shim can exist and not run.
find_python() {
    for name in python3 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    say "Python 3.11 이상이 필요해요(apt-get install python3 python3-venv, 또는 brew install python). · Python 3.11 or newer is needed."
    exit 1
}

if [ -x "$folder/bin/python" ] && "$folder/bin/python" -c 'import pip' 2>/dev/null; then
    exit 0 # it is there and still works
fi
python=$(find_python)
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then # Debian keeps them in a package of their own
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get -qq update && apt-get -qq install -y --no-install-recommends python3-venv >/dev/null
    else
        say "venv가 없어요: sudo apt-get install python3-venv · Python's venv is missing: sudo apt-get install python3-venv"
        exit 1
    fi
fi
rm -rf "$folder"
"$python" -m venv "$folder"
