-- oldest: 1
-- One row per migration: the oldest schema whose programs may still run on this one, so that a package can be rolled back.

-- +goose Up
CREATE TABLE IF NOT EXISTS schema_versions (
  version    BIGINT      NOT NULL,
  oldest     BIGINT      NOT NULL,
  applied_at DATETIME(6) NOT NULL,
  PRIMARY KEY (version)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
