# Builds and runs Tributary. Needs BuildKit (Docker 23 and later use it by default; so does Podman's build).
#
#   docker build -t tributary .
#   docker run -d --name tributary -e DISCORD_TOKEN=… -v tributary:/data tributary

FROM rust:1.95-slim-trixie AS build
WORKDIR /build
COPY . .
# What cargo downloads and builds stays in caches between builds, so that only what has changed is built again. The
# times of the sources don't say what has changed, because a checkout may give a changed file an old time. So they are
# touched, and this project's own crates are always built again.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    find src migration -name '*.rs' -exec touch {} + \
    && cargo build --release --locked --bin tributary \
    && install -D target/release/tributary /out/tributary

FROM debian:trixie-slim
# The program contains the certificates that it checks Discord against, so nothing else is installed.
RUN useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin tributary \
    && install -d -o tributary -g tributary -m 0700 /data
COPY --from=build /out/tributary /usr/local/bin/tributary
USER tributary
WORKDIR /data
VOLUME /data
ENV DATABASE_URL=sqlite:///data/tributary.db?mode=rwc \
    HTTP_ADDR=0.0.0.0:8080
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["tributary", "healthcheck"]
ENTRYPOINT ["tributary"]
