# Postgres and Redis for machines that can pull no image: they keep the part of the official images'
# contract that docker-compose.yml uses.
ARG BASE
FROM ${BASE}
COPY postgres.sh /usr/local/bin/slipway-postgres
RUN mkdir -p /data /var/lib/postgresql/data && chown -R postgres:postgres /var/lib/postgresql /var/run/postgresql && \
    ln -sf /usr/lib/postgresql/*/bin/pg_isready /usr/local/bin/pg_isready
CMD ["sh", "/usr/local/bin/slipway-postgres"]
