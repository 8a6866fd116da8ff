#!/bin/sh
# Installs and builds what is missing, and says nothing when nothing is. Safe to run again and again.
#   setup.sh run    what Genkan needs to run
#   setup.sh test   and what its tests need
#   setup.sh names  nothing: prints the Debian packages that all of it may need
set -eu
cd "$(dirname "$0")/.."
want=${1:-run}
say() { printf 'genkan: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# The Debian packages that are missing.
has() { [ "$want" != names ] && command -v "$1" >/dev/null 2>&1; }
there() { [ "$want" != names ] && [ -e "$1" ]; }
packages() {
  has ip || echo iproute2
  has nft || echo nftables
  has bwrap || echo bubblewrap
  has nsenter && has setpriv && has unshare || echo util-linux
  has curl || echo curl
  has ping || echo iputils-ping
  has busybox || echo busybox
  # With it is verified what instances get signed.
  has openssl || echo openssl
  [ "$want" = run ] || has clang-format || echo clang-format
  [ "$want" = run ] || has etcd || echo etcd-server
  [ "$want" = run ] || has bird || echo bird2
  has ldconfig && ldconfig -p 2>/dev/null | grep -q 'libbpf\.so\.1' || echo libbpf1
  if [ "$want" = names ] || [ "$(kernel_stale)" = yes ]; then
    has clang || echo clang
    there /usr/include/bpf/bpf_helpers.h || echo libbpf-dev
    there "/usr/include/$(uname -m)-linux-gnu/asm" || echo linux-libc-dev
  fi
}
kernel_stale() {
  object=dist/datapath/genkan.bpf.o
  if [ -f "$object" ] && [ -z "$(find src/datapath/bpf -newer "$object" -print -quit)" ]; then echo no; else echo yes; fi
}
if [ "$want" = names ]; then packages; exit 0; fi

# Node.js 20.19 or later.
command -v node >/dev/null 2>&1 || fail "Node.js 20.19 or later is needed: https://nodejs.org/"
node -e 'const [a,b]=process.versions.node.split(".").map(Number);process.exit(a>20||(a===20&&b>=19)?0:1)' || fail "Node.js 20.19 or later is needed; this is $(node --version)."

# npm packages, as the lock file names them, which has the optional ones of every platform.
if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  say "installing npm packages"
  npm ci --no-audit --no-fund --loglevel=error >&2 || fail "npm could not install the packages; see above."
  touch node_modules/.package-lock.json
fi

# For real packets: only on Linux, as root.
packets=no
if [ "$(uname -s)" = Linux ] && [ "$(id -u)" = 0 ]; then packets=yes; fi
if [ "$packets" = yes ]; then
  PATH=$PATH:/usr/sbin:/sbin
  missing=$(packages | sort -u | tr '\n' ' ')
  if [ -n "$missing" ]; then
    has apt-get || fail "these commands are missing and there is no apt-get to install them: $missing"
    say "installing Debian packages: $missing"
    log=$(mktemp)
    # The list of packages may be old or absent: refresh it when the first try fails.
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q $missing >"$log" 2>&1 ||
      { apt-get update -q >"$log" 2>&1 && DEBIAN_FRONTEND=noninteractive apt-get install -y -q $missing >>"$log" 2>&1; } ||
      { tail -n 20 "$log" >&2; fail "apt-get could not install: $missing"; }
    rm -f "$log"
    # Tests start etcd and BIRD themselves; Debian's packages begin some of their own.
    for name in etcd bird; do
      case " $missing " in
        *" $name"*) if [ -d /run/systemd/system ]; then systemctl disable --now $name >/dev/null 2>&1 || true; fi ;;
      esac
    done
  fi
fi

# The program itself.
if [ ! -f dist/.built ] || [ -n "$(find src tools test bench package-lock.json tsconfig.json -newer dist/.built -print -quit 2>/dev/null)" ]; then
  say "building"
  mkdir -p dist
  node_modules/.bin/tsc -p tsconfig.json >&2 || fail "the build failed; see above."
  touch dist/.built
fi
if [ "$packets" = yes ] && [ "$(kernel_stale)" = yes ]; then
  say "compiling the kernel program"
  sh tools/build-kernel.sh >&2 || fail "the kernel program could not be compiled; see above."
fi
[ "$want" = test ] && [ "$packets" = no ] && say "not root on Linux: the tests that move packets are skipped"
exit 0
