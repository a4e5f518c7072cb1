# One image for every process; docker-compose.yml says which one a container runs.
FROM node:24.21.0-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json ./
COPY contract ./contract
COPY mappings ./mappings
COPY runtime ./runtime
COPY sqlite ./sqlite
COPY event-log ./event-log
COPY telemetry-store ./telemetry-store
COPY ingest-gateway ./ingest-gateway
COPY processors ./processors
COPY simulator ./simulator
COPY standalone ./standalone
# The embedded default keeps its files here; compose mounts a volume where it is used.
RUN mkdir /data && chown node:node /data
ENV DATA_DIR=/data
USER node
CMD ["node", "standalone/main.ts"]
