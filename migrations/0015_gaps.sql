-- oldest: 1
-- Spans of time of which orders may be missing for good, because the remote no longer lists them. A gap stays here for ever; acked_at
-- says that a person took notice of it.

-- +goose Up
CREATE TABLE IF NOT EXISTS gaps (
  gap_id   BIGINT        NOT NULL AUTO_INCREMENT,
  source   VARCHAR(64)   CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  stream   VARCHAR(191)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  since_at DATETIME(6)   NOT NULL,
  until_at DATETIME(6)   NOT NULL,
  reason   VARCHAR(1024) NOT NULL,
  found_at DATETIME(6)   NOT NULL,
  acked_at DATETIME(6)   NULL,
  acked_by VARCHAR(191)  NOT NULL,
  PRIMARY KEY (gap_id),
  UNIQUE KEY gaps_span (source, stream, since_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
