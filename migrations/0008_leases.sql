-- oldest: 1
-- The right to work a stream, by the clock of the database.

-- +goose Up
CREATE TABLE IF NOT EXISTS leases (
  source     VARCHAR(64)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  stream     VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  holder     VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  held_since DATETIME(6)  NOT NULL,
  held_until DATETIME(6)  NOT NULL,
  PRIMARY KEY (source, stream)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
