-- oldest: 1
-- Records that could not be accepted, whole and with the reason. order_id is sha256: and the hash of the payload where no id could be
-- read; modified_at is NULL where it could not be read.

-- +goose Up
CREATE TABLE IF NOT EXISTS dead_letters (
  source        VARCHAR(64)   CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  order_id      VARCHAR(191)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  modified_at   DATETIME(6)   NULL,
  fetched_at    DATETIME(6)   NOT NULL,
  reason        VARCHAR(1024) NOT NULL,
  payload       LONGBLOB      NOT NULL,
  first_dead_at DATETIME(6)   NOT NULL,
  dead_at       DATETIME(6)   NOT NULL,
  PRIMARY KEY (source, order_id),
  KEY dead_letters_dead (dead_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
