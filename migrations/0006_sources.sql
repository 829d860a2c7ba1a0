-- oldest: 1
-- The names that are part of every key, and whose they were. removed_at is set while a source is not in the configuration. A source is
-- paused from paused_at to paused_until (NULL: until somebody resumes it), by paused_by.

-- +goose Up
CREATE TABLE IF NOT EXISTS sources (
  source       VARCHAR(64)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  kind         VARCHAR(32)  NOT NULL,
  endpoint     VARCHAR(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  added_at     DATETIME(6)  NOT NULL,
  removed_at   DATETIME(6)  NULL,
  paused_at    DATETIME(6)  NULL,
  paused_until DATETIME(6)  NULL,
  paused_by    VARCHAR(191) NULL,
  PRIMARY KEY (source)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
