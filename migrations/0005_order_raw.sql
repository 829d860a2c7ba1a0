-- oldest: 1
-- What the remote said, byte for byte. payload_hash is the SHA-256 of payload.

-- +goose Up
CREATE TABLE IF NOT EXISTS order_raw (
  source       VARCHAR(64)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  order_id     VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  payload      LONGBLOB     NOT NULL,
  payload_hash BINARY(32)   NOT NULL,
  fetched_at   DATETIME(6)  NOT NULL,
  PRIMARY KEY (source, order_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
