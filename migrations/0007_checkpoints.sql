-- oldest: 1
-- How far each stream has come. revision counts the commits and is the fence between workers; commit_token tells a worker whose
-- connection was lost whether the commit that stands here is its own.

-- +goose Up
CREATE TABLE IF NOT EXISTS checkpoints (
  source       VARCHAR(64)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  stream       VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  watermark    DATETIME(6)  NULL,
  window_since DATETIME(6)  NULL,
  window_until DATETIME(6)  NULL,
  page_cursor  TEXT         NOT NULL,
  slice_us     BIGINT       NOT NULL,
  ceiling_us   BIGINT       NOT NULL,
  poison       MEDIUMTEXT   NOT NULL,
  revision     BIGINT       NOT NULL,
  commit_token BINARY(16)   NOT NULL,
  updated_at   DATETIME(6)  NOT NULL,
  PRIMARY KEY (source, stream)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
