# Sourced by the scripts: installs what a fresh machine lacks, and builds. Each function answers at once when nothing is to do.

# The pinned toolchain with its components and the Wasm target, all named in rust-toolchain.toml.
need_rust() {
  command -v cargo >/dev/null || { echo "Rust is missing: install rustup first (https://rustup.rs)" >&2; exit 1; }
  # rustup installs the pinned toolchain on first use; where that is switched off (RUSTUP_AUTO_INSTALL=0), ask for it.
  if ! rustup target list --installed 2>/dev/null | grep -q wasm32-unknown-unknown; then
    rustup toolchain install --no-self-update >/dev/null 2>&1 || true
    rustup target add wasm32-unknown-unknown
    rustup component add clippy rustfmt
  fi
}

# A C compiler and linker, for the crates that build C.
need_c_compiler() {
  command -v cc >/dev/null && return
  echo "Installing a C compiler…"
  local sudo=; [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get update -qq && $sudo apt-get install -y -qq gcc libc6-dev >/dev/null
}

# The test runner: one process a test, so that every integration test has a network of its own.
need_nextest() {
  command -v cargo-nextest >/dev/null && return
  echo "Installing cargo-nextest (once)…"
  cargo install --quiet --locked cargo-nextest
}

# What is built for this machine, and where: quickly for tests and the demo; in full for whoever measures (DDSX_PROFILE=release).
DDSX_PROFILE=${DDSX_PROFILE:-dev}
built=$PWD/target/${DDSX_PROFILE/#dev/debug}

# Everything that runs on this machine: tools, tests, the local network, the command. Always the whole workspace in one call:
# with another selection of packages cargo would choose other features of shared dependencies, and compile those again.
build_workspace() {
  [ -z "${DDSX_WORKSPACE_BUILT:-}" ] || return 0
  # All but the canisters' own binaries, which are nothing on this machine; --all-targets would compile those too.
  cargo build --profile "$DDSX_PROFILE" --locked --workspace --lib --tests --examples \
    --bin local-network --bin ddsx --bin ddsx-demo --bin canister-build
  export DDSX_WORKSPACE_BUILT=1
}

# The benchmark runner for canisters; its version fixes the client, and so the server, that it speaks to.
need_canbench() {
  [ -x target/tools/bin/canbench ] && return
  echo "Installing canbench (once)…" >&2
  cargo install --quiet --locked --root target/tools canbench --version 0.7.0
}

# The page's packages, exactly as the lock file names them; again only when it has changed.
need_node_modules() {
  command -v npm >/dev/null || { echo "Node.js 20.19 or later with npm is missing: install it first (https://nodejs.org)" >&2; exit 1; }
  local stamp=frontend/node_modules/.installed
  [ -e "$stamp" ] && cmp -s "$stamp" frontend/package-lock.json && return
  echo "Installing the page's packages…"
  npm ci --prefix frontend --no-audit --no-fund --silent
  cp frontend/package-lock.json "$stamp"
}

# The page's files for canisters/web, in target/web; again only when something that they are made from has changed.
build_page() {
  local built=target/web/index.html
  if [ -e "$built" ]; then
    local made='-path frontend/node_modules -o -path frontend/dist -o -path frontend/src/bindings -o -path frontend/e2e -o -path frontend/dev'
    # shellcheck disable=SC2086
    [ -n "$(find frontend candid \( $made \) -prune -o -type f -newer "$built" -print -quit)" ] || return 0
  fi
  need_node_modules
  npm run --prefix frontend --silent build -- --logLevel warn
  node frontend/scripts/embed.mjs
}

# A browser for the end-to-end tests: Debian's, or the one that CHROMIUM names.
need_chromium() {
  [ -z "${CHROMIUM:-}" ] || return 0
  [ -x /usr/bin/chromium ] && return
  echo "Installing Chromium…"
  local sudo=; [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get update -qq && $sudo apt-get install -y -qq chromium >/dev/null
}
