#!/bin/sh
# Programs that the tests drive: installed by apt-get as root on Debian and Ubuntu, named elsewhere.
# Needed: Chromium and Node. Without the others their own tests are skipped, and say so.
set -eu

has() {
    for name in "$@"; do
        command -v "$name" >/dev/null 2>&1 && return 0
    done
    return 1
}

packages=
needed=
has chromium chromium-browser google-chrome || needed="$needed chromium"
has node || needed="$needed nodejs"
has espeak-ng || packages="$packages espeak-ng"
has redis-server || packages="$packages redis-server"
[ -n "$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null)" ] || has initdb || packages="$packages postgresql"
has msgfmt || packages="$packages gettext"
has nginx || packages="$packages nginx-light"
[ -z "$needed$packages" ] && exit 0

if [ "$(id -u)" = 0 ] && has apt-get; then
    printf '%s\n' "시스템 패키지를 설치해요 · Installing system packages:$needed$packages" >&2
    export DEBIAN_FRONTEND=noninteractive
    # policy-rc.d: packages of servers would start them; the tests start their own.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod +x $policy
        trap 'rm -f $policy' EXIT
    fi
    apt-get -qq update
    # shellcheck disable=SC2086
    apt-get -qq install -y --no-install-recommends $needed $packages >/dev/null
elif [ -n "$needed" ]; then
    printf '%s\n' "먼저 설치해 주세요:$needed (있으면 좋아요:$packages) · Please install first:$needed" >&2
    exit 1
else
    printf '%s\n' "없어서 건너뛰는 검사가 있어요:$packages · Some tests are skipped without:$packages" >&2
fi
