# Our own services, one image each:
#   docker build --build-arg SERVICE=sender -t relevo/sender .
#
# The program is linked statically and is all that its image holds.

FROM rust:1.95-slim-trixie AS manifests
WORKDIR /relevo
COPY . .
# Manifests alone, and sources that compile to nothing: what stays the same while
# somebody works on a service. All manifests, for the lock file speaks of all. What others
# wrote stays whole.
RUN find . -type f ! -name Cargo.toml ! -name Cargo.lock ! -path './vendor/*' -delete \
    && find . -mindepth 2 -name Cargo.toml ! -path './vendor/*' | while read -r manifest; do \
        mkdir -p "${manifest%/*}/src" \
        && echo 'fn main() {}' | tee "${manifest%/*}/src/main.rs" > "${manifest%/*}/src/lib.rs"; \
    done

FROM rust:1.95-slim-trixie AS dependencies
WORKDIR /relevo
# A target by its name keeps build scripts and macros from being linked statically.
ENV CARGO_BUILD_TARGET_DIR=/target RUSTFLAGS="-C target-feature=+crt-static" \
    CARGO_PROFILE_RELEASE_DEBUG=false CARGO_PROFILE_RELEASE_STRIP=debuginfo \
    PACKAGES="-p sender -p analytics-service -p visual-panel -p audit-proxy"
COPY --from=manifests /relevo .
RUN rustc -vV | sed -n 's/^host: //p' > /host \
    && cargo build --release --locked --target "$(cat /host)" $PACKAGES

# What the services share, beneath services that are still empty.
COPY crates crates
RUN find crates -name '*.rs' -exec touch '{}' + \
    && cargo build --release --locked --target "$(cat /host)" $PACKAGES

FROM dependencies AS build
ARG SERVICE
COPY ${SERVICE} ${SERVICE}
# All packages again, so that what they share is what was compiled above.
RUN find "${SERVICE}" -name '*.rs' -exec touch '{}' + \
    && cargo build --release --locked --target "$(cat /host)" $PACKAGES --bin "${SERVICE}" \
    && mkdir -p /image/data && mkdir -m 1777 /image/tmp \
    && cp "/target/$(cat /host)/release/${SERVICE}" /image/service

FROM scratch
# Owned by who runs, and so is a volume that begins as a copy of it.
COPY --from=build --chown=65532:65532 /image /
USER 65532:65532
ENTRYPOINT ["/service"]
