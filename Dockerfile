# One image for every process; docker-compose.yml and deploy/kubernetes say which one a container runs. It may run as any
# user, also as one that the image does not know.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# The image has its Node already: without install scripts, the one in node_modules is an empty shell.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY contract ./contract
COPY mappings ./mappings
COPY runtime ./runtime
COPY sqlite ./sqlite
COPY event-log ./event-log
COPY telemetry-store ./telemetry-store
COPY ingest-gateway ./ingest-gateway
COPY processors ./processors
COPY console ./console
COPY docs/runbooks ./docs/runbooks
COPY docs/openapi.json ./docs/openapi.json
COPY simulator ./simulator
COPY standalone ./standalone
COPY deploy/build ./deploy/build
# Built with the development tools, which then go.
RUN node deploy/build/main.ts && npm ci --omit=dev --ignore-scripts --no-audit --no-fund && rm -r deploy
# COPY keeps the modes of the checkout, which a strict umask has closed to everybody but its owner.
RUN chmod -R a+rX .

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app ./
# The embedded default keeps its files here, gateways their bans; mount a volume to keep them.
RUN mkdir -m 1777 /data
ENV DATA_DIR=/data
USER node
CMD ["node", "runtime/start.mjs", "standalone/main.ts"]
